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
      hour: "2-digit", minute: "2-digit", timeZone: clock.dataset.clock || undefined,
    });
  };
  if (clock) { tick(); setInterval(tick, 5000); }
})();
