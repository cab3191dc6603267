/** The kinds of single value that an infraspec holds, each with the one check that makes it safe to use elsewhere. */
import { isScalar, type Node } from "yaml";
import { formatDuration, parseDuration } from "./duration.ts";
import { mapOf, type Reader, type Type } from "./field.ts";
import { checkName } from "./name.ts";

const maxText = 8 * 1024;

/** Text that passes `check`, which says what is wrong (beginning with a verb) or nothing. */
export const textThat = <T extends string = string>(label: string, check: (text: string) => string | undefined): Type<T> => ({
  label,
  // Stands in only for what was reported, so that it is no T matters to nobody.
  blank: "" as T,
  read(node, path, reader) {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value !== "string") {
      reader.report("error", path, isScalar(node) ? "must be text. Put it in quotes." : `must be ${label}, not a list or a block.`);
      return undefined;
    }
    const wrong =
      value.length > maxText ? `is longer than ${maxText} characters.` : hasControl(value) ? "contains control characters." : check(value);
    if (wrong) reader.report("error", path, wrong);
    return wrong ? undefined : (value as T);
  },
});

/** Tabs and line ends are text (a command may have several lines); every other control character is not. */
const hasControl = (text: string): boolean => /[^\P{Cc}\t\n\r]/u.test(text);

export const text = textThat("text", (value) => (value.trim() === "" ? "is empty." : undefined));
export const line = textThat("text", (value) =>
  value.trim() === "" ? "is empty." : /[\r\n]/.test(value) ? "must be one line." : undefined,
);

/** App, process and volume names: safe as a label, a host name and a directory name. */
export const name = <T extends string>(label: string) => textThat<T>(label, checkName);

export const oneOf = <const Names extends readonly string[]>(names: Names): Type<Names[number]> => ({
  ...textThat<Names[number]>(names.map((each) => `\`${each}\``).join(" or "), (value) =>
    names.includes(value) ? undefined : `is \`${value.slice(0, 40)}\`; it must be one of ${names.join(", ")}.`,
  ),
});

export const flag: Type<boolean> = {
  label: "true or false",
  blank: false,
  read(node, path, reader) {
    if (isScalar(node) && typeof node.value === "boolean") return node.value;
    reader.report("error", path, "must be true or false, without quotes.");
    return undefined;
  },
};

export const whole = (least: number, most: number, unit = ""): Type<number> => ({
  label: unit === "" ? "whole number" : `whole number, ${unit}`,
  blank: least,
  read(node, path, reader) {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    reader.report("error", path, `must be a whole number from ${least} to ${most}${unit === "" ? "" : ` (${unit})`}, without quotes.`);
    return undefined;
  },
});

export const amount: Type<number> = {
  label: "number",
  blank: 0,
  read(node, path, reader) {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
    reader.report("error", path, "must be a number of 0 or more, without quotes.");
    return undefined;
  },
};

/** Read into milliseconds. */
export const duration = (leastMs: number, mostMs: number): Type<number> => ({
  label: "duration",
  blank: leastMs,
  read(node, path, reader) {
    const written = isScalar(node) && typeof node.value === "string" ? node.value : undefined;
    const ms = written === undefined ? undefined : parseDuration(written);
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
    const bounds = `from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
    reader.report(
      "error",
      path,
      ms === undefined ? `must be a duration with its unit, such as 30s or 1m30s, ${bounds}.` : `must be ${bounds}.`,
    );
    return undefined;
  },
});

/** Numbers and booleans are taken as they are written: `1.10` stays `1.10`. */
const envValue: Type<string> = {
  label: "text",
  blank: "",
  read(node: Node, path: string, reader: Reader) {
    if (!isScalar(node)) {
      reader.report("error", path, "must be text, a number, or true or false.");
      return undefined;
    }
    if (node.value === null) return "";
    const value = typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
    if (value.length > 4 * maxText) reader.report("error", path, `is longer than ${4 * maxText} characters.`);
    if (value.includes("\0")) reader.report("error", path, "contains a NUL character.");
    return value;
  },
};

export const isEnvKey = (key: string): boolean => key.length <= 128 && /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
const envKeyRule = "is not a name of an environment variable: letters, digits and `_`, no digit first.";

export const envMap = mapOf(envValue, {
  label: "map of name to text",
  exampleKey: "LOG_LEVEL",
  max: 500,
  checkKey: (key) => (isEnvKey(key) ? undefined : envKeyRule),
});

export const envKey = textThat("name of a variable", (value) => (isEnvKey(value) ? undefined : envKeyRule));

export const timezone = textThat("time zone", (value) => {
  try {
    const known = new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone;
    return /^[+-]/.test(known) ? "must be the name of a time zone, such as Europe/Berlin." : undefined;
  } catch {
    return "is not a time zone known here. Write one such as Europe/Berlin or UTC.";
  }
});

export const urlPath = textThat("path", (value) =>
  !value.startsWith("/")
    ? "must begin with `/`."
    : /[\s#]/.test(value) || value.length > 1024
      ? "must be a plain path of a URL, without spaces or `#`."
      : undefined,
);

/** A place inside an instance: absolute and plain, so that no engine reads more into it than a path. */
export const mountPath = textThat("absolute path", (value) => {
  if (!value.startsWith("/")) return "must be an absolute path, such as /data.";
  if (!/^\/[A-Za-z0-9._/@+-]+$/.test(value)) return "may hold letters, digits and `. _ / @ + -` only.";
  return value.split("/").some((part) => part === ".." || part === ".") || value.includes("//")
    ? "must not contain `.`, `..` or `//` as a part."
    : undefined;
});

/** A file of the source: relative, and it stays inside. */
export const sourcePath = textThat("path in the source", (value) =>
  !/^[A-Za-z0-9._/@+-]+$/.test(value) || value.startsWith("/") || value.startsWith("-") || value.split("/").includes("..")
    ? "must be a relative path inside the source, such as Dockerfile or deploy/Dockerfile."
    : undefined,
);

const part = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
const imagePattern = new RegExp(
  `^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::\\d{1,5})?/)?${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`,
);
export const imageName = textThat("image", (value) =>
  value.length <= 512 && imagePattern.test(value) ? undefined : "is not the name of an image, such as node:24 or ghcr.io/owner/app:1.2.",
);

/** What git may be handed: http(s) or ssh; never an option, a helper such as `ext::`, a path of the server or a password. */
export function checkRepositoryUrl(value: string): string | undefined {
  if (/\s|\p{Cc}/u.test(value) || value.length > 2048) return "must not contain spaces.";
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[A-Za-z0-9._/~-]+$/.test(value)) return undefined;
  if (!/^(?:https?|ssh):\/\//.test(value))
    return "must begin with https://, ssh:// or git@host:, as in https://github.com/owner/app.git. Without `repo`, the directory of this file is the source.";
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^[A-Za-z0-9[]/.test(url.hostname)) return "is not a valid address.";
  if (url.password !== "" || (url.username !== "" && url.protocol !== "ssh:"))
    return "contains a credential, which everyone who reads this file sees. Give it to the server as NORNS_GIT_TOKEN.";
  return undefined;
}
export const repositoryUrl = textThat("address of a repository", checkRepositoryUrl);

/** The part of git's rules for names that keeps a branch from being read as an option or a revision. */
export const checkBranch = (value: string): string | undefined =>
  value.length > 255 || value.startsWith("-") || /[\s~^:?*[\\]|\p{Cc}/u.test(value) || /\.\.|@\{|\/\/|\.lock$|[/.]$|^\//.test(value)
    ? "is not the name of a branch."
    : undefined;
export const branchName = textThat("branch", checkBranch);

export const webUrl = textThat("address of a page", (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "https:" || url?.protocol === "http:" ? undefined : "must begin with https:// or http://.";
});
