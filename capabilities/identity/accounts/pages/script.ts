/** The pages' script, served as it stands. Tokens come behind the address's hash and leave it at once. */
export const script = `"use strict";
const page = document.body.dataset.page;
const $ = (id) => document.getElementById(id);
const form = $("form"), say = $("say"), go = $("go"), lead = $("lead"), foot = $("foot");
const token = location.hash.slice(1);
if (token && page !== "sign-in") history.replaceState(null, "", location.pathname);

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new Error("The server cannot be reached. Look whether it runs, then try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(answer.error || "The server answered " + response.status + ".");
    error.code = answer.code;
    throw error;
  }
  return answer;
}

/** Only an address of this server itself: a link must not send a person elsewhere. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") || "/";
  const url = new URL(wanted, location.origin);
  return url.origin === location.origin && wanted.startsWith("/") ? url.pathname + url.search + url.hash : "/";
}

function tell(text, ok) { say.textContent = text; say.className = ok ? "say ok" : "say"; }
function text(parts) {
  lead.replaceChildren(...parts.map((part) => {
    if (typeof part === "string") return part;
    const bold = document.createElement("b");
    bold.textContent = part.bold;
    return bold;
  }));
  lead.hidden = false;
}
function link(words, href) {
  const a = document.createElement("a");
  a.href = href; a.textContent = words;
  foot.replaceChildren(a);
}
function only(names) {
  for (const name of ["email", "name", "password"]) {
    const input = $(name);
    if (input && !names.includes(name)) { input.closest("label").hidden = true; input.disabled = true; }
  }
}
function invalidInput() {
  for (const input of form.querySelectorAll("input:not(:disabled)")) {
    const bad = !input.checkValidity();
    input.setAttribute("aria-invalid", String(bad));
    if (bad) return input;
  }
}

let send = async () => {};
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const bad = invalidInput();
  if (bad) { tell(bad.labels[0].firstChild.textContent.trim() + ": " + bad.validationMessage); bad.focus(); return; }
  tell(""); go.disabled = true;
  try {
    await send(Object.fromEntries(new FormData(form)));
    location.assign(next());
  } catch (error) {
    tell(error.message);
    go.disabled = false;
    if (error.code === "already_claimed") link("Sign in", "/sign-in");
  }
});
form.addEventListener("input", (event) => event.target.removeAttribute("aria-invalid"));

const starts = {
  async claim() {
    send = (data) => ask("POST", "/api/auth/claim", { ...data, token });
    const { needsFirstAdmin } = await ask("GET", "/api/auth/bootstrap-status");
    if (!needsFirstAdmin) {
      form.hidden = true;
      text(["This installation has been claimed. Its administrator can invite you."]);
      return link("Sign in", "/sign-in");
    }
    if (!token) {
      form.hidden = true;
      return text(["Open the one-time link that was printed where the server was started. A restart prints a new one."]);
    }
    $("email").focus();
  },
  async "sign-in"() {
    send = (data) => ask("POST", "/api/auth/login", data);
    const { needsFirstAdmin } = await ask("GET", "/api/auth/bootstrap-status");
    if (needsFirstAdmin) {
      form.hidden = true;
      return text(["Nobody has claimed this installation yet. Open the one-time link that was printed where the server was started."]);
    }
    $("email").focus();
  },
  async invitation() {
    if (!token) return text(["The link is not whole. Open it again as it was sent to you."]);
    const { invitation } = await ask("POST", "/api/invitations/preview", { token });
    if (!invitation) return text(["This invitation is not good any more: it was used, taken back, or is older than seven days. Ask for a new one."]);
    $("title").textContent = "Join " + invitation.workspaceName;
    const email = $("email");
    email.value = invitation.email; email.readOnly = true;
    text(["You are invited as ", { bold: invitation.role }, invitation.hasAccount ? ". Sign in to accept." : ". Choose a password to make your account."]);
    if (invitation.hasAccount) {
      only(["email", "password"]);
      $("password").autocomplete = "current-password";
      $("password").removeAttribute("minlength");
      $("password-hint").hidden = true;
      send = async ({ password }) => {
        await ask("POST", "/api/auth/login", { email: invitation.email, password });
        await ask("POST", "/api/invitations/accept", { token });
      };
    } else send = (data) => ask("POST", "/api/auth/signup", { ...data, invitation: token });
    form.hidden = false;
    (invitation.hasAccount ? $("password") : $("name")).focus();
  },
};
starts[page]().catch((error) => { form.hidden = false; tell(error.message); });
`;
