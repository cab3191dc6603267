/**
 * What the person sees. Colour means state and nothing else, only where a terminal is; a live command redraws in place
 * on a terminal and prints plain lines elsewhere. Text from apps is made safe before it reaches the terminal.
 */
export interface Terminal {
  readonly isLive: boolean;
  /** Of this moment: a window may change. */
  readonly columns: number;
  readonly rows: number;
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
    get columns() {
      return stdout.columns || 100;
    },
    get rows() {
      return stdout.rows || 24;
    },
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
const colors = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes: colours none, what East Asian fonts and emoji draw wide two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replaceAll(colors, "")) width += isWide(character.codePointAt(0)!) ? 2 : 1;
  return width;
}

const isWide = (code: number): boolean =>
  code >= 0x1100 &&
  (code <= 0x115f ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd));

/** The text, cut with … where it would be wider than so many columns; colours are kept and ended. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let shown = "";
  let width = 0;
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  for (const part of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith("\u001b")) shown += part;
    else
      for (const character of part) {
        width += widthOf(character);
        if (width >= columns) return `${shown}…${shown.includes("\u001b") ? "\u001b[0m" : ""}`;
        shown += character;
      }
  }
  return shown;
}

/** The text in lines of at most so many columns, broken between words; one word that is longer stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || widthOf(last) + 1 + widthOf(word) > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Columns that line up; two spaces between; numbers right when the header ends in `#`; columns that are empty left out. */
export function table(allHeaders: readonly string[], allRows: readonly (readonly string[])[]): string[] {
  // A column that nothing stands in only takes room.
  const isFilled = allHeaders.map((_, column) => allRows.length === 0 || allRows.some((row) => (row[column] ?? "") !== ""));
  const headers = allHeaders.filter((_, column) => isFilled[column]);
  const rows = allRows.map((row) => row.filter((_, column) => isFilled[column]));
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
