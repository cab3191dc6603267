/**
 * Opens untrusted YAML: bounded in size and depth, no tags of its own, no keys that could reach a prototype. What is
 * wrong becomes findings; nothing here throws.
 */
import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
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

export interface OpenedYaml {
  /** Undefined when the text is empty or has an error. */
  readonly root: Node | undefined;
  readonly document: Document | undefined;
  readonly findings: readonly Finding[];
  /** Where an offset of the text is, 1-based. */
  readonly place: (offset: number) => { line: number; column: number };
}

export function openYaml(text: string): OpenedYaml {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const failed = (message: string, offset?: number): OpenedYaml => ({
    root: undefined,
    document: undefined,
    findings: [{ severity: "error", field: "", message, ...(offset === undefined ? {} : place(offset)) }],
    place,
  });

  if (text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes)
    return failed(`The file is larger than ${maxBytes / 1024} KB.`);
  if (text.includes("\0")) return failed("The file contains a NUL character: it is not text.");

  let document: Document;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "silent",
      version: "1.2",
      schema: "core",
      uniqueKeys: false,
    });
  } catch (thrown) {
    // Duplicate keys are found below: the parser's own check is quadratic. The parser recurses for each level of nesting, so a file of nothing but `[` overflows its stack: that is the
    // file's fault. Anything else it throws is about the text as well; no other code runs inside.
    if (thrown instanceof RangeError) return failed(`The file is nested more than ${maxDepth} levels deep.`);
    return failed("The file cannot be read as YAML.");
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
  if (document.errors.length === 0) findings.push(...checkNodes(document.contents, place));
  const isBroken = findings.some((finding) => finding.severity === "error");
  return { root: isBroken ? undefined : (document.contents ?? undefined), document: isBroken ? undefined : document, findings, place };
}

/** Walks the nodes as written (aliases are not followed) with a stack of its own: depth, number and keys are checked. */
function checkNodes(root: Node | null, place: OpenedYaml["place"]): Finding[] {
  const stack: { node: unknown; depth: number }[] = [{ node: root, depth: 1 }];
  let count = 0;
  const findings: Finding[] = [];
  while (stack.length > 0) {
    const { node, depth } = stack.pop()!;
    if (isPair(node)) {
      const wrong = checkKey(node.key, place);
      if (wrong) return [wrong];
      stack.push({ node: node.value, depth });
      continue;
    }
    if (!isNode(node)) continue;
    const at = node.range ? place(node.range[0]) : {};
    if (++count > maxNodes) return [{ severity: "error", field: "", message: `The file has more than ${maxNodes} values.`, ...at }];
    if (depth > maxDepth)
      return [{ severity: "error", field: "", message: `The file is nested more than ${maxDepth} levels deep.`, ...at }];
    if (isMap(node)) {
      const twice = duplicateKey(node);
      if (twice?.range)
        findings.push({
          severity: "error",
          field: "",
          message: `The key \`${String(twice.value)}\` stands twice in one block.`,
          ...place(twice.range[0]),
        });
    }
    if (isCollection(node)) for (const item of node.items) stack.push({ node: item, depth: depth + 1 });
  }
  return findings;
}

function duplicateKey(node: YAMLMap): Scalar | undefined {
  const seen = new Set<string>();
  for (const { key } of node.items) {
    if (!isScalar(key)) continue;
    if (seen.has(String(key.value))) return key;
    seen.add(String(key.value));
  }
  return undefined;
}

/** The parser's words, except where they speak of the parser. */
const explain = (message: string): string =>
  message.includes("call stack") ? `The file is nested more than ${maxDepth} levels deep.` : `YAML: ${message}`;

function checkKey(key: unknown, place: OpenedYaml["place"]): Finding | undefined {
  const at = isNode(key) && key.range ? place(key.range[0]) : {};
  if (!isScalar(key) || key.value === null) return { severity: "error", field: "", message: "A key must be plain text.", ...at };
  const name = String(key.value);
  if (dangerousKeys.has(name))
    return { severity: "error", field: name, message: `\`${name}\` cannot be used as a key. Choose another name.`, ...at };
  if (name === "<<")
    return {
      severity: "error",
      field: name,
      message: "Merge keys (`<<`) are not read. Write the keys out, or use an alias for the whole value.",
      ...at,
    };
  return undefined;
}
