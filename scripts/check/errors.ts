/**
 * Holds docs/errors.md against the constructors of errors in the code: every code that can be made is in the table with
 * its kind, status and exit code (drawn by `--fix`), and with what it means (written by hand).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync, Visitor, type CallExpression, type Expression, type NewExpression } from "oxc-parser";
import { NornsError, type ErrorKind } from "@norns/kernel/errors";
import { renderError } from "@norns/kernel/http";
import { isTestFile } from "../../boundaries.ts";
import { exitCodes } from "../../programs/cli/exit.ts";
import { exitOfStatus } from "../../programs/cli/http.ts";
import { sourceFiles } from "./source-files.ts";

const file = "docs/errors.md";
const constructors: Readonly<Record<string, ErrorKind>> = {
  invalid: "invalid",
  unauthenticated: "unauthenticated",
  forbidden: "forbidden",
  notFound: "not_found",
  conflict: "conflict",
  quota: "quota",
  unavailable: "unavailable",
  bug: "bug",
};

interface Made {
  readonly code: string;
  /** An error's kind, or the name of an exit code for the command line's own. */
  readonly as: string;
  readonly message: string;
}

interface Found {
  readonly server: Map<string, Set<ErrorKind>>;
  readonly command: Map<string, Set<string>>;
  /** The first message of each, by `server code` and `command code`: where its meaning begins. */
  readonly messages: Map<string, string>;
  readonly problems: string[];
}

function errorsIn(root: string): Found {
  const found: Found = { server: new Map(), command: new Map(), messages: new Map(), problems: [] };
  for (const path of sourceFiles(root)) {
    if (isTestFile(path) || /^(scripts|client|examples)\//.test(path)) continue;
    const text = readFileSync(join(root, path), "utf8");
    if (!/\/errors|NornsError|CommandError/.test(text) && !/errors\.ts$/.test(path)) continue;
    for (const made of madeIn(path, text, found.problems)) {
      const table = path.startsWith("programs/cli/") ? found.command : found.server;
      const kinds = (table.get(made.code) ?? new Set()) as Set<string>;
      (table as Map<string, Set<string>>).set(made.code, kinds.add(made.as));
      const key = `${path.startsWith("programs/cli/") ? "command" : "server"} ${made.code}`;
      if (!found.messages.has(key)) found.messages.set(key, made.message);
    }
  }
  return found;
}

function madeIn(path: string, text: string, problems: string[]): Made[] {
  const made: Made[] = [];
  const { program } = parseSync(path, text);
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
  const note = (node: CallExpression | NewExpression, as: string | undefined, code: unknown, message: unknown): void => {
    const line = lineAt(node.start);
    const codes = codesOf(code as Expression | undefined, text);
    if (as !== undefined && codes)
      for (const one of codes) made.push({ code: one, as, message: textOf(message as Expression | undefined) });
    else problems.push(`${path}:${line} makes an error whose code cannot be read from here; give it as a literal`);
  };
  new Visitor({
    CallExpression(node) {
      if (node.callee.type !== "Identifier") return;
      const kind = Object.hasOwn(constructors, node.callee.name) ? constructors[node.callee.name] : undefined;
      if (kind && node.arguments.length >= 2) note(node, kind, node.arguments[0], node.arguments[1]);
    },
    NewExpression(node) {
      if (node.callee.type !== "Identifier") return;
      const [first, second, third] = node.arguments;
      if (node.callee.name === "CommandError") {
        // `exitCodes.notFound`, or computed from a status: then the code is the server's own.
        const exit = first?.type === "MemberExpression" && first.property.type === "Identifier" ? first.property.name : undefined;
        if (exit) note(node, exit, second, third);
      }
    },
  }).visit(program);
  return made;
}

/** The codes that an expression can be; undefined when that cannot be read. */
function codesOf(node: Expression | undefined, text: string): string[] | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return [node.value];
  // The code of another error, which is made elsewhere.
  if (node?.type === "MemberExpression" && node.property.type === "Identifier" && node.property.name === "code") return [];
  // A parameter of a union of literals says what it can be.
  if (node?.type === "Identifier") {
    const union = new RegExp(`\\b${node.name}: ((?:"\\w+"(?: \\| )?)+)`).exec(text)?.[1];
    return union?.match(/\w+/g) ?? undefined;
  }
  if (node?.type !== "ConditionalExpression") return undefined;
  const [one, other] = [codesOf(node.consequent, text), codesOf(node.alternate, text)];
  return one && other && [...one, ...other];
}

function textOf(node: Expression | undefined): string {
  if (node?.type === "Literal") return String(node.value).replaceAll(/\s+/g, " ");
  if (node?.type === "TemplateLiteral")
    return node.quasis
      .map((part) => part.value.cooked ?? "")
      .join("…")
      .replaceAll(/\s+/g, " ");
  if (node?.type === "ConditionalExpression") return textOf(node.consequent);
  if (node?.type === "BinaryExpression") return textOf(node.left as Expression) + textOf(node.right);
  return "";
}

function serverRow(code: string, kinds: ReadonlySet<ErrorKind>, meaning: string): string {
  const statuses = [...kinds].sort().map((kind) => renderError(new NornsError(kind, code, ""), { path: "/api/", requestId: "" }).status);
  const exits = [...new Set(statuses.map((status) => exitOfStatus(status)))];
  return `| \`${code}\` | ${[...kinds].sort().join(", ")} | ${statuses.join(", ")} | ${exits.join(", ")} | ${meaning} |`;
}

function commandRow(code: string, exits: ReadonlySet<string>, meaning: string): string {
  const numbers = [...exits].sort().map((name) => exitCodes[name as keyof typeof exitCodes]);
  return `| \`${code}\` | ${[...exits].sort().join(", ")} | ${numbers.join(", ")} | ${meaning} |`;
}

const marks = {
  server: ["<!-- codes of the server -->", "<!-- /codes of the server -->"],
  command: ["<!-- codes of the command -->", "<!-- /codes of the command -->"],
} as const;

export async function checkErrors(root: string, { isFix }: { isFix: boolean }): Promise<string[]> {
  const { server, command, messages, problems } = errorsIn(root);
  const text = readFileSync(join(root, file), "utf8");
  const meanings = { server: meaningsIn(text, marks.server), command: meaningsIn(text, marks.command) };
  const meaningOf = (of: "server" | "command", code: string): string => {
    const meaning = meanings[of].get(code);
    if (meaning === undefined && !isFix)
      problems.push(`${file}: ${code} is missing; \`npm run check -- errors --fix\` adds it, then say what it means`);
    return meaning ?? messages.get(`${of} ${code}`) ?? "";
  };
  for (const [of, codes] of [
    ["server", server],
    ["command", command],
  ] as const)
    for (const code of meanings[of].keys()) if (!codes.has(code) && !isFix) problems.push(`${file}: ${code} is made nowhere`);
  const sorted = <Value>(table: Map<string, Value>): [string, Value][] => [...table].sort(([one], [other]) => (one < other ? -1 : 1));
  const serverTable = [
    "| code | kind | HTTP | exit | what it means |",
    "|---|---|---|---|---|",
    ...sorted(server).map(([code, kinds]) => serverRow(code, kinds, meaningOf("server", code))),
  ];
  const commandTable = [
    "| code | end | exit | what it means |",
    "|---|---|---|---|",
    ...sorted(command).map(([code, exits]) => commandRow(code, exits, meaningOf("command", code))),
  ];
  const wanted = replaceBetween(replaceBetween(text, marks.server, serverTable), marks.command, commandTable);
  for (const line of wanted.split("\n")) {
    const [, code] = /^\| `(\w+)` /.exec(line) ?? [];
    if (code === undefined) continue;
    // A gap left by the message that a new row begins with.
    const hasGap = line.replaceAll(/`[^`]*`/g, "").includes("…");
    if (/\|\s*\|$/.test(line) || hasGap) problems.push(`${file}: say what ${code} means`);
  }
  if (problems.length === 0 && wanted !== text && !isFix)
    problems.push(`${file}: a kind, a status or an exit code differs; \`npm run check -- errors --fix\` draws them`);
  if (isFix && wanted !== text) writeFileSync(join(root, file), wanted);
  return problems;
}

function between(text: string, [begin, end]: readonly [string, string]): [from: number, to: number] {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${file}: the marks "${begin}" and "${end}" are missing`);
  return [from + begin.length, to];
}

function meaningsIn(text: string, mark: readonly [string, string]): Map<string, string> {
  const meanings = new Map<string, string>();
  for (const line of text.slice(...between(text, mark)).split("\n")) {
    const cells = line.split(" | ");
    const code = /^\| `(\w+)`$/.exec(cells[0] ?? "")?.[1];
    if (code) meanings.set(code, (cells.at(-1) ?? "").replace(/ ?\|$/, ""));
  }
  return meanings;
}

function replaceBetween(text: string, mark: readonly [string, string], lines: readonly string[]): string {
  const [from, to] = between(text, mark);
  return `${text.slice(0, from)}\n${lines.join("\n")}\n${text.slice(to)}`;
}
