// Lets the browser make or use a passkey, and sends what it answers with the form around the button.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const known = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

  async function create({ publicKey }) {
    const made = await navigator.credentials.create({ publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: known(publicKey.excludeCredentials),
    } });
    const { clientDataJSON, attestationObject } = made.response;
    return { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject), made };
  }

  async function get({ publicKey }) {
    const made = await navigator.credentials.get({ publicKey: {
      ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: known(publicKey.allowCredentials),
    } });
    const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
    return {
      clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature),
      ...(userHandle ? { userHandle: text(userHandle) } : {}), made,
    };
  }

  const ways = { create, get };
  // The site's own page may ask first (see data-ask): so that nobody's session begins before somebody wants it.
  const options = async (form) => {
    if (!form.dataset.ask) return JSON.parse(document.getElementById("passkey-options").textContent);
    return (await fetch(form.dataset.ask, { headers: { Accept: "application/json" } })).json();
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const failed = form.querySelector("[data-passkey-failed]");
    form.querySelector("[data-passkey-none]").hidden = true;
    form.querySelector("[data-passkey-row]").hidden = false;
    form.querySelector("button").addEventListener("click", async () => {
      failed.hidden = true;
      try {
        const { made, ...response } = await ways[form.dataset.passkey](await options(form));
        form.elements.credential.value = JSON.stringify({
          id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {},
        });
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
  }
})();
