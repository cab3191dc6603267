import type { Command } from "../command.ts";
import { findLogin, forgetLogin, keepLogin } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { askLine, askSecret } from "../ask.ts";
import { sendJson } from "../http.ts";

export const login: Command = {
  group: "People and access",
  words: ["login"],
  about: "sign in to a server and keep the session for later commands",
  description: [
    "Signs in and keeps the session in ~/.config/norns/cli.json (0600), for this server's address only.",
    "",
    "On the server's own machine this is not needed: commands use the credential in NORNS_HOME.",
    "Without a terminal nothing is asked: give --email and the password on standard input, or an API key with --token.",
  ].join("\n"),
  options: [{ name: "email", value: "EMAIL", about: "who signs in" }],
  examples: [
    { line: "norns login --url https://norns.example.com", about: "asks for email and password" },
    { line: "norns login --url https://norns.example.com --token nora_…", about: "keeps an API key" },
  ],
  async run(given, session) {
    const { url, token: existing } = session.connection();
    let token = given.option("token");
    let who = "an API key";
    if (token === undefined) {
      const email = given.option("email") ?? (await askLine("email: "));
      const password = await askSecret("password: ");
      const answer = (await sendJson(
        { url, token: undefined, from: "login" },
        { method: "POST", path: "/api/auth/login", body: JSON.stringify({ email, password }) },
      )) as { token: string };
      token = answer.token;
      who = email;
    } else {
      await sendJson({ url, token: existing, from: "--token" }, { method: "GET", path: "/api/apps" });
    }
    const file = keepLogin(session.environment, { url, token });
    if (!session.json({ url, file })) session.terminal.line(`signed in at ${url} as ${who}`);
  },
};

export const logout: Command = {
  group: "People and access",
  words: ["logout"],
  about: "end the kept session, on the server and here",
  description: [
    "Ends the session that `norns login` kept, on its server, and forgets it here in any case.",
    "",
    "An API key that was kept is forgotten only: `norns api-keys revoke` ends it.",
  ].join("\n"),
  async run(_given, session) {
    const kept = findLogin(session.environment);
    const problem = kept && (await endSession(kept));
    forgetLogin(session.environment);
    if (session.json({ signedOut: kept !== undefined, ...(problem ? { notEnded: problem } : {}) })) return;
    if (!kept) session.terminal.line("there was no kept session");
    else if (problem) session.terminal.line(`forgotten here; on the server it was not ended: ${problem}`);
    else session.terminal.line(`signed out of ${kept.url}`);
  },
};

/** Why the server did not end it; undefined when it did. */
async function endSession(kept: { url: string; token: string }): Promise<string | undefined> {
  try {
    await sendJson({ ...kept, from: "the kept session" }, { method: "POST", path: "/api/auth/logout", timeoutMs: 5000 });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message;
  }
}
