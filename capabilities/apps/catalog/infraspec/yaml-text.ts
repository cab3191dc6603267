/**
 * Opens untrusted YAML: bounded in size, depth and number of values (aliases unfolded), no tags of its own, no keys that
 * could reach a prototype. What is wrong becomes findings; nothing here throws.
 */
import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Finding } from "./finding.ts";

export const maxBytes = 256 * 1024;
const maxDepth = 24;
const maxNodes = 20_000;

/** Keys that reach an object's prototype when somebody, some day, merges what was read. */
const dangerousKeys = new Set(["__proto__", "constructor", "prototype"]);

type Place = (offset: number) => { line: number; column: number };

export interface OpenedYaml {
  /** Undefined when the text is empty or has an error. */
  readonly root: Node | undefined;
  /** What each alias stands for. The library's own look-up walks the whole file for each one. */
  readonly aliases: ReadonlyMap<Alias, Node>;
  readonly findings: readonly Finding[];
  /** Where an offset of the text is, 1-based. */
  readonly place: Place;
}

export function openYaml(text: string): OpenedYaml {
  const lines = new LineCounter();
  const place: Place = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const failed = (message: string): OpenedYaml => ({
    root: undefined,
    aliases: new Map(),
    findings: [{ severity: "error", field: "", message, line: 1, column: 1 }],
    place,
  });

  if (text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes)
    return failed(`The file is larger than ${maxBytes / 1024} KB.`);
  if (text.includes("\0")) return failed("The file contains a NUL character: it is not text.");

  let document: Document;
  try {
    // Duplicate keys are found below: the parser's own check is quadratic.
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "error",
      version: "1.2",
      schema: "core",
      uniqueKeys: false,
    });
  } catch (thrown) {
    // The parser recurses for each level of nesting, so a file of nothing but `[` overflows its stack: that is the
    // file's fault. Anything else it throws is about the text as well; no other code runs inside.
    return failed(thrown instanceof RangeError ? tooDeep : "The file cannot be read as YAML.");
  }

  const findings: Finding[] = [
    ...document.errors.map((error): Finding => ({ severity: "error", field: "", message: explain(error.message), ...place(error.pos[0]) })),
    ...document.warnings.map((warning): Finding => ({
      severity: "warning",
      field: "",
      message: `YAML: ${warning.message}`,
      ...place(warning.pos[0]),
    })),
  ].slice(0, 50);
  const aliases = new Map<Alias, Node>();
  if (document.errors.length === 0) findings.push(...checkNodes(document.contents, aliases, place));
  const isBroken = findings.some((finding) => finding.severity === "error");
  return { root: isBroken ? undefined : (document.contents ?? undefined), aliases, findings, place };
}

const tooDeep = `The file is nested more than ${maxDepth} levels deep.`;

/** The parser's words, except where they speak of the parser. */
const explain = (message: string): string => (message.includes("call stack") ? tooDeep : `YAML: ${message}`);

/** Walks the nodes in the order of the file with a stack of its own, stops at the first that is out of bounds. */
function checkNodes(root: Node | null, aliases: Map<Alias, Node>, place: Place): Finding[] {
  const findings: Finding[] = [];
  const wrong = (message: string, node: unknown, field = ""): Finding => ({
    severity: "error",
    field,
    message,
    ...place(isNode(node) && node.range ? node.range[0] : 0),
  });
  const anchors = new Map<string, Node>();
  const stack: { node: unknown; depth: number }[] = [{ node: root, depth: 1 }];
  let count = 0;
  while (stack.length > 0) {
    const { node, depth } = stack.pop()!;
    if (isPair(node)) {
      const about = checkKey(node.key);
      if (about) return [wrong(about.message, node.key, about.field)];
      stack.push({ node: node.value, depth });
      continue;
    }
    if (!isNode(node)) continue;
    if (++count > maxNodes) return [wrong(`The file has more than ${maxNodes} values.`, node)];
    if (depth > maxDepth) return [wrong(tooDeep, node)];
    if (isAlias(node)) {
      const meant = anchors.get(node.source);
      if (!meant) return [wrong(`The alias \`*${node.source.slice(0, 60)}\` has no anchor before it.`, node)];
      aliases.set(node, meant);
      continue;
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isMap(node)) {
      const twice = duplicateKey(node);
      if (twice) findings.push(wrong(`The key \`${textOf(twice)}\` stands twice in one block.`, twice));
    }
    if (isCollection(node)) for (const item of node.items.toReversed()) stack.push({ node: item, depth: depth + 1 });
  }
  if (unfoldedSize(root, aliases) > maxNodes)
    findings.push(wrong(`The file unfolds to more than ${maxNodes} values: aliases multiply them.`, root));
  return findings;
}

/** How many values there are once aliases are replaced by what they stand for; endless for one that contains itself. */
function unfoldedSize(root: Node | null, aliases: ReadonlyMap<Alias, Node>): number {
  const sizes = new Map<Node, number>();
  const sizeOf = (node: unknown): number => {
    if (isPair(node)) return sizeOf(node.value);
    if (isAlias(node)) return sizeOf(aliases.get(node));
    if (!isCollection(node)) return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    sizes.set(node, Infinity); // what is met again before it is known contains itself
    const size = node.items.reduce<number>((sum, item) => sum + sizeOf(item), 1);
    sizes.set(node, size);
    return size;
  };
  return sizeOf(root);
}

const textOf = (key: Scalar): string => (typeof key.value === "string" ? key.value : (key.source ?? ""));

function duplicateKey(node: YAMLMap): Scalar | undefined {
  const seen = new Set<string>();
  for (const { key } of node.items) {
    if (!isScalar(key)) continue;
    if (seen.has(textOf(key))) return key;
    seen.add(textOf(key));
  }
  return undefined;
}

function checkKey(key: unknown): { message: string; field?: string } | undefined {
  if (!isScalar(key) || key.value === null) return { message: "A key must be plain text." };
  const name = textOf(key);
  if (dangerousKeys.has(name)) return { field: name, message: `\`${name}\` cannot be used as a key. Choose another name.` };
  if (name === "<<")
    return { field: name, message: "Merge keys (`<<`) are not read. Write the keys out, or use an alias for the whole value." };
  return undefined;
}
