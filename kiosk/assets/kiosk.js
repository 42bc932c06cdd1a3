// The lobby screen's own script: digits without a round trip, the clock, and a sound for each answer.
// Every button is a submit button of a plain form, so the screen works without this too.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".keypad button[name=key]");
    const field = button && button.form.querySelector("[data-current] input");
    if (!field || button.value === "go") return;
    const all = [...field.value];
    if (button.value === "back") all.pop();
    else if (field.maxLength > 0 && all.length >= field.maxLength) return event.preventDefault();
    else all.push(button.value);
    field.value = all.join("");
    event.preventDefault();
  });

  // A scanner that works as a keyboard types a code faster than anybody and ends it with Enter. Where
  // nothing is typed by hand every key is its own; in the keypad's field, where digits are, it is known by
  // the letter that a voucher begins with. Its keys press no button and stand in no field.
  const scan = document.body.dataset.scan;
  const PAUSE_MS = 500; // between two keys of one code
  const LEAST = 4; // anything shorter was no code
  const MOST = 5000;
  let typed = "", last = 0;
  const byHand = (element) => element && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
  async function hand(text) {
    const body = new URLSearchParams({ text });
    await fetch(scan, { method: "POST", body, redirect: "manual" });
  }
  if (scan) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      if (event.timeStamp - last > PAUSE_MS) typed = "";
      const key = event.key;
      if (key === "Enter" || key === "Tab") {
        if (!typed) return;
        event.preventDefault();
        event.stopPropagation();
        if (typed.trim().length >= LEAST) hand(typed).catch(() => {});
        typed = "";
        return;
      }
      if ([...key].length !== 1) return; // Shift and the like
      if (!typed && byHand(event.target) && !/^[kｋＫ]$/i.test(key)) return;
      if (!typed && key === " ") return; // the space bar presses buttons
      last = event.timeStamp;
      if (typed.length < MOST) typed += key;
      event.preventDefault();
      event.stopPropagation();
    }, { capture: true });
  }

  const TONES = { ok: [660, 880], no: [330, 220], ask: [550] };
  let audio;
  function sound(name) {
    if (!TONES[name] || !window.AudioContext) return;
    audio ??= new AudioContext();
    TONES[name].forEach((pitch, at) => {
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0.15 });
      const start = audio.currentTime + at * 0.16;
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.14);
    });
  }
  const main = document.querySelector(".kiosk-main");
  if (main) {
    new MutationObserver(() => sound(main.querySelector("[data-sound]")?.dataset.sound))
      .observe(main, { childList: true });
  }

  const clock = document.querySelector("[data-clock]");
  const tick = () => {
    clock.textContent = new Date().toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: clock.dataset.clock || undefined,
    });
  };
  if (clock) { tick(); setInterval(tick, 5000); }
})();
