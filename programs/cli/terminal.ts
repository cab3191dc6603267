/**
 * What the person sees. Colour means state and nothing else, only where a terminal is; a live command redraws in place
 * on a terminal and prints plain lines elsewhere. Text from apps is made safe before it reaches the terminal.
 */
export interface Terminal {
  readonly isLive: boolean;
  readonly columns: number;
  /** One line to stdout. */
  line(text?: string): void;
  /** One line to stderr. */
  note(text: string): void;
  /** Raw text to stdout. */
  write(text: string): void;
  paint(state: State, text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

export type State = "ok" | "working" | "attention" | "failed" | "stopped" | "unknown";

export const glyphs: Readonly<Record<State, string>> = { ok: "●", working: "◐", attention: "▲", failed: "✕", stopped: "○", unknown: "◌" };

const codes: Readonly<Record<State, number>> = { ok: 32, working: 34, attention: 33, failed: 31, stopped: 90, unknown: 90 };

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function createTerminal({ stdout, stderr }: Streams, options: { isPlain: boolean }): Terminal {
  const isLive = stdout.isTTY === true;
  const hasColor = isLive && !options.isPlain;
  const wrap = (code: number, text: string): string => (hasColor ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    isLive,
    columns: stdout.columns ?? 100,
    line: (text = "") => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    paint: (state, text) => wrap(codes[state], text),
    dim: (text) => wrap(2, text),
    bold: (text) => wrap(1, text),
  };
}

/** Removes everything a terminal would obey; colours too. For names, messages and evidence that came from an app. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replaceAll(
    /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[PX^_][\s\S]*?\u001b\\|\u001b\[[0-?]*[ -/]*[@-~]|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    "",
  );
}

/** As `plain`, but keeps colours (SGR) where they can be shown: for log lines. */
export function safeLine(text: string, keepsColor: boolean): string {
  if (!keepsColor) return plain(text);
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  const parts = text.split(/(\u001b\[[0-9;]*m)/);
  const hasColor = parts.length > 1;
  return parts.map((part, index) => (index % 2 === 1 ? part : plain(part))).join("") + (hasColor ? "\u001b[0m" : "");
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const widthOf = (text: string): number => [...text.replaceAll(/\u001b\[[0-9;]*m/g, "")].length;

/** Columns that line up; two spaces between; numbers right when the header ends in `#`. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const names = headers.map((header) => header.replace(/#$/, ""));
  const widths = names.map((name, column) => Math.max(widthOf(name), ...rows.map((row) => widthOf(row[column] ?? ""))));
  const cell = (text: string, column: number, isLast: boolean): string => {
    const space = " ".repeat(Math.max(0, widths[column]! - widthOf(text)));
    if (headers[column]!.endsWith("#")) return space + text;
    return isLast ? text : text + space;
  };
  const render = (cells: readonly string[]): string =>
    cells
      .map((text, column) => cell(text, column, column === cells.length - 1))
      .join("  ")
      .trimEnd();
  return [render(names), ...rows.map((row) => render(names.map((_, column) => row[column] ?? "")))];
}
