// Passkeys. A form with data-passkey ("get" or "create") asks data-options what to hand to the browser, puts the
// browser's answer into its field `answer`, and is sent like any other form. Without this it stays hidden.
(() => {
  "use strict";
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function asked({ publicKey }) {
    publicKey.challenge = bytes(publicKey.challenge);
    if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
    for (const known of publicKey.excludeCredentials || []) known.id = bytes(known.id);
    for (const known of publicKey.allowCredentials || []) known.id = bytes(known.id);
    return { publicKey };
  }

  function answered(credential) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      extensions: credential.getClientExtensionResults(),
    });
  }

  async function perform(form) {
    const body = new URLSearchParams({ csrf: form.elements.csrf.value });
    const reply = await fetch(form.dataset.options, { method: "POST", body, credentials: "same-origin" });
    if (reply.redirected) return location.assign(reply.url);
    if (!reply.ok) throw new Error(reply.status);
    const { ceremony, options } = await reply.json();
    const credential = await navigator.credentials[form.dataset.passkey](asked(options));
    form.elements.ceremony.value = ceremony;
    form.elements.answer.value = answered(credential);
    form.submit();
  }

  if (!window.PublicKeyCredential) return;
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const button = form.querySelector("button"), error = form.querySelector("[data-passkey-error]");
    form.hidden = false;
    document.querySelectorAll("[data-without-passkeys]").forEach((note) => { note.hidden = true; });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      error.hidden = true;
      button.disabled = true;
      perform(form).catch(() => { error.hidden = false; }).finally(() => { button.disabled = false; });
    });
  });
})();
