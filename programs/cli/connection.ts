/**
 * Where the server is and what we show it. Order: flag, environment, the credential of this machine
 * (`NORNS_HOME/credential`), what `norns login` kept. A token is sent only to the address it belongs to.
 */
import { exitCodes, CommandError } from "./exit.ts";

const fs = process.getBuiltinModule("node:fs");
const os = process.getBuiltinModule("node:os");
const path = process.getBuiltinModule("node:path");

export interface Connection {
  readonly url: string;
  readonly token: string | undefined;
  /** Where they came from, in words, for error messages. */
  readonly from: string;
}

export interface Kept {
  readonly url: string;
  readonly token: string;
}

export interface Environment {
  readonly [name: string]: string | undefined;
}

/** Where this machine keeps what lets us in. */
function places(environment: Environment): { home: string; login: string } {
  const isRoot = process.getuid?.() === 0;
  const home = environment["NORNS_HOME"] ?? (isRoot ? "/var/lib/norns" : path.join(os.homedir(), ".norns"));
  const config = environment["XDG_CONFIG_HOME"] ?? path.join(os.homedir(), ".config");
  return { home, login: path.join(config, "norns", "cli.json") };
}

export function connect(flags: { url: string | undefined; token: string | undefined }, environment: Environment): Connection {
  const { home, login } = places(environment);
  const kept = [read(path.join(home, "credential")), read(login)].filter((entry) => entry !== undefined);
  const url = flags.url ?? environment["NORNS_URL"] ?? environment["NORN_URL"] ?? kept[0]?.url ?? "http://127.0.0.1:8800";
  const from = flags.url
    ? "--url"
    : environment["NORNS_URL"]
      ? "NORNS_URL"
      : environment["NORN_URL"]
        ? "NORN_URL"
        : kept[0]
          ? "the kept credential"
          : "the default address";
  const token =
    flags.token ??
    environment["NORNS_TOKEN"] ??
    environment["NORN_TOKEN"] ??
    environment["NORN_API_TOKEN"] ??
    kept.find((entry) => sameOrigin(entry.url, url))?.token;
  return { url: checked(url).origin, token, from };
}

export function keepLogin(environment: Environment, kept: Kept): string {
  const { login } = places(environment);
  fs.mkdirSync(path.dirname(login), { recursive: true, mode: 0o700 });
  const temporary = `${login}.${process.pid}`;
  fs.writeFileSync(temporary, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  fs.renameSync(temporary, login);
  return login;
}

/** What `norns login` kept, wherever commands go otherwise. */
export const findLogin = (environment: Environment): Kept | undefined => read(places(environment).login);

export const forgetLogin = (environment: Environment): void => fs.rmSync(places(environment).login, { force: true });

function checked(url: string): URL {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed;
  } catch {
    // falls through to the one message for all of these
  }
  throw new CommandError(exitCodes.usage, "invalid_url", `"${url}" is not the address of a server.`, {
    hint: "It looks like http://127.0.0.1:8800.",
  });
}

/** Loopback has three names; a token for one of them is a token for all with the same port. */
function sameOrigin(one: string, other: string): boolean {
  const key = (text: string): string => {
    const url = checked(text);
    const host = ["localhost", "[::1]", "127.0.0.1"].includes(url.hostname) ? "loopback" : url.hostname;
    return `${url.protocol}//${host}:${url.port}`;
  };
  return key(one) === key(other);
}

function read(file: string): Kept | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    const value = JSON.parse(text) as Partial<Kept>;
    return typeof value.url === "string" && typeof value.token === "string" ? { url: value.url, token: value.token } : undefined;
  } catch {
    return undefined;
  }
}
