/** Structured lines: JSON for machines, text for people. Everything that is written has passed the mask. */
import type { Log, LogFields } from "./index.ts";
import type { Mask } from "./mask.ts";
import { mark } from "./secret-forms.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "json" | "text";
  readonly mask: Mask;
  /** Takes one line with its line break. */
  readonly write: (line: string) => void;
  readonly now?: () => number;
  /** Colours in text lines. */
  readonly isColourful?: boolean;
}

/**
 *     const log = createLog({ level: "info", format: "text", mask: createMask([key]), write: (line) => process.stdout.write(line) });
 *     log.info({ port: 8800 }, "Listening");
 */
export function createLog(options: LogOptions): Log {
  const least = logLevels.indexOf(options.level);
  const make = (bound: LogFields): Log => {
    const at = (level: LogLevel) =>
      logLevels.indexOf(level) < least
        ? () => {}
        : (fields: LogFields, message: string) => {
            const render = options.format === "json" ? jsonLine : textLine;
            options.write(`${options.mask.apply(render(options, level, { ...bound, ...fields }, message))}\n`);
          };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: (fields) => make({ ...bound, ...fields }) };
  };
  return make({});
}

type Renderer = (options: LogOptions, level: LogLevel, fields: LogFields, message: string) => string;

const jsonLine: Renderer = ({ now = Date.now }, level, fields, message) =>
  toText({ time: new Date(now()).toISOString(), level, message, ...fields });

const colours: Record<LogLevel, string> = { debug: "\x1b[2m", info: "", warn: "\x1b[33m", error: "\x1b[31m" };

const textLine: Renderer = ({ now = Date.now, isColourful = false }, level, fields, message) => {
  const { error, ...rest } = fields;
  const facts = Object.entries(rest).map(
    ([name, value]) => `${name}=${isSecret(name, value) ? mark : typeof value === "string" ? quote(value) : toText(value)}`,
  );
  const time = new Date(now()).toISOString().slice(11, 19);
  const line = `${time} ${level.padEnd(5)} ${withoutControls(message)}${facts.length > 0 ? `  ${facts.join(" ")}` : ""}`;
  const trouble = error === undefined ? "" : `\n${indent(describeError(error))}`;
  const colour = isColourful ? colours[level] : "";
  return colour ? `${colour}${line}\x1b[0m${trouble}` : `${line}${trouble}`;
};

const quote = (value: string): string => (/^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value));

/** Terminal sequences in what others wrote must not reach a terminal. Line breaks and tabs stay. */
// oxlint-disable-next-line no-control-regex -- they are what this is about
const withoutControls = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\u00b7");

const indent = (text: string): string =>
  withoutControls(text)
    .split("\n")
    .map((line) => `         ${line}`)
    .join("\n");

/** The stack, and below it the stack of each cause. */
function describeError(thrown: unknown): string {
  if (!(thrown instanceof Error)) return toText(thrown);
  const own = thrown.stack ?? `${thrown.name}: ${thrown.message}`;
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${describeError(thrown.cause)}`;
}

/** Names whose text is never shown, whatever stands before them: `authorization`, `clientSecret`, `DATABASE_PASSWORD`. */
const secretName = /(?:authorization|cookie|password|passphrase|secret|token|credential|(?:api|private|encryption|access)[-_]?key)$/i;
const isSecret = (name: string, value: unknown): value is string => typeof value === "string" && secretName.test(name);

/** JSON of anything: errors with their stack and cause, numbers without end as text, circles cut, secret names masked. */
function toText(value: unknown): string {
  const seen = new WeakSet<object>();
  return (
    JSON.stringify(value, (name, part: unknown) => {
      if (isSecret(name, part)) return mark;
      if (typeof part === "bigint") return String(part);
      if (typeof part !== "object" || part === null) return part;
      if (seen.has(part)) return "[seen above]";
      seen.add(part);
      if (part instanceof Error) {
        const { code, kind, details } = part as { code?: unknown; kind?: unknown; details?: unknown };
        return { name: part.name, message: part.message, code, kind, details, stack: part.stack, cause: part.cause };
      }
      return part;
    }) ?? String(value)
  );
}
