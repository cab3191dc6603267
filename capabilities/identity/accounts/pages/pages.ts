/** One frame, three pages. What they say changes with what the script learns; without a script they say what to do instead. */
import { icon, mark } from "@norns/kernel/http";

interface Page {
  readonly path: string;
  readonly title: string;
  readonly html: string;
}

const frame = (name: string, title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Norns</title>
${icon}
<link rel="stylesheet" href="/identity/page.css">
<script src="/identity/page.js" defer></script>
</head>
<body data-page="${name}">
<main>
<p class="mark">${mark}Norns</p>
<section class="card" aria-labelledby="title">
${body}
<noscript><p class="say">This page needs JavaScript. From a terminal: norns login.</p></noscript>
</section>
<p class="foot" id="foot"></p>
</main>
</body>
</html>
`;

const field = (name: string, text: string, attributes: string, hint = ""): string =>
  `<label for="${name}">${text}${hint ? ` <small id="${name}-hint">${hint}</small>` : ""}<input id="${name}" name="${name}" ${attributes}${hint ? ` aria-describedby="${name}-hint"` : ""} required></label>`;

const email = field("email", "Email", `type="email" autocomplete="username" inputmode="email" maxlength="255" spellcheck="false"`);
const name = field("name", "Name", `type="text" autocomplete="name" maxlength="100"`);
const newPassword = field(
  "password",
  "Password",
  `type="password" autocomplete="new-password" minlength="8" maxlength="128"`,
  "At least 8 characters.",
);
const password = field("password", "Password", `type="password" autocomplete="current-password" maxlength="128"`);
const say = `<p class="say" id="say" role="alert"></p>`;
const form = (fields: readonly string[], button: string): string =>
  `<form id="form" novalidate>\n${fields.join("\n")}\n${say}\n<button type="submit" id="go">${button}</button>\n</form>`;

export const pages: readonly Page[] = [
  {
    path: "/claim",
    title: "Claim this installation",
    html: frame(
      "claim",
      "Claim this installation",
      `<h1 id="title">Claim this installation</h1>
<p id="lead">You become its administrator and the owner of workspace Default. The link works once.</p>
${form([email, name, newPassword], "Claim it")}`,
    ),
  },
  {
    path: "/sign-in",
    title: "Sign in",
    html: frame("sign-in", "Sign in", `<h1 id="title">Sign in</h1>\n<p id="lead" hidden></p>\n${form([email, password], "Sign in")}`),
  },
  {
    path: "/invitation",
    title: "Accept an invitation",
    html: frame(
      "invitation",
      "Accept an invitation",
      `<h1 id="title">You are invited</h1>\n<p id="lead">Looking at the invitation…</p>\n${form([email, name, newPassword], "Join").replace('<form id="form"', '<form id="form" hidden')}`,
    ),
  },
];
