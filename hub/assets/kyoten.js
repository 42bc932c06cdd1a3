// Keeps parts of a page live. <body data-live="/url">: each `block` event on that stream carries HTML whose
// root elements have ids; they take the place of the elements with the same ids. [data-live-status] is shown
// while the stream is down; its [data-live-time] says from when the shown state is. Pages work without this.
(() => {
  "use strict";
  const QUIET_MS = 40000; // once the server has sent a `ping`, this much silence counts as a lost line
  const RETRY_MS = 5000; // an EventSource gives up after an HTTP error; then we begin again
  const HOLD_MS = 3000; // what stands still for longer only looks live

  const hour = (date, zone) =>
    date.toLocaleTimeString(document.documentElement.lang || undefined, {
      hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone || undefined,
    });

  // Nothing moves under a finger: what comes while something is pressed waits until it is let go.
  let pressed = 0, waiting = null;
  function letGo() {
    clearTimeout(pressed);
    const show = waiting;
    pressed = 0;
    waiting = null;
    show?.();
  }
  addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    clearTimeout(pressed);
    pressed = setTimeout(letGo, HOLD_MS);
  }, true);
  for (const ended of ["pointerup", "pointercancel", "contextmenu"]) {
    addEventListener(ended, () => setTimeout(letGo, 0), true);
  }
  addEventListener("blur", letGo); // of the window: what loses the focus in it is pressed all the same

  function swap(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body.children;
    for (const next of [...fresh]) {
      const old = next.id && document.getElementById(next.id);
      if (!old || old.isEqualNode(next)) continue; // what has not changed is not read out again
      const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
      old.replaceWith(document.adoptNode(next));
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    }
  }

  function follow(owner) {
    let stream, retry, pinged = false, heard = new Date();
    const status = (down) => {
      owner.toggleAttribute("data-stale", down);
      document.querySelectorAll("[data-live-status]").forEach((note) => {
        note.querySelectorAll("[data-live-time]").forEach((slot) => {
          slot.textContent = hour(heard, note.dataset.liveZone);
        });
        note.hidden = !down;
      });
    };
    const alive = () => { heard = new Date(); status(false); };
    const show = (html) => { swap(html); alive(); };
    const lost = () => {
      waiting = null; // the first block of the next line is newer
      status(true);
      if (stream.readyState === EventSource.CLOSED) again(RETRY_MS);
    };
    const again = (wait) => { stream.close(); clearTimeout(retry); retry = setTimeout(open, wait); };
    function open() {
      pinged = false;
      stream = new EventSource(owner.dataset.live);
      stream.addEventListener("ping", () => { pinged = true; if (!waiting) alive(); });
      stream.addEventListener("block", ({ data }) => { if (pressed) waiting = () => show(data); else show(data); });
      stream.addEventListener("error", lost);
    }
    open();
    setInterval(() => {
      if (pinged && Date.now() - heard > QUIET_MS) { pinged = false; status(true); again(0); }
    }, 5000);
    addEventListener("pagehide", () => { clearTimeout(retry); stream.close(); });
    addEventListener("pageshow", (event) => { if (event.persisted) again(0); });
  }

  document.querySelectorAll("[data-live]").forEach(follow);
})();
