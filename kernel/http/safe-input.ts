/**
 * Input that later code may merge, spread or index without a thought: keys that reach an object's prototype are refused
 * at any depth, in JSON, query strings and forms alike.
 */
import { invalid } from "../errors/index.ts";

const dangerous = new Set(["__proto__", "constructor", "prototype"]);
/** Only a text with one of the words, or with an escape that could spell one, is walked. */
const suspicious = /__proto__|constructor|prototype|\\u/;

/** JSON text → value. `invalid` / `invalid_json`, or `unsafe_key` with the path of the key. */
export function parseJsonSafely(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("invalid_json", "The body is not JSON.", { cause });
  }
  if (suspicious.test(text)) refuseUnsafeKeys(value);
  return value;
}

/** Pairs (a query string, a form) → record; a name given twice becomes a list. */
export function recordFromPairs(pairs: Iterable<readonly [string, string]>): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    // `a[__proto__]=1` and `a.constructor=1` are what nesting parsers make of a flat name: refused as well.
    if (name.split(/[.[\]]+/).some((part) => dangerous.has(part))) throw unsafeKey(name);
    const before = record[name];
    record[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return record;
}

/** Throws `unsafe_key` when any key at any depth reaches a prototype. Walks without recursion: depth is the caller's. */
export function refuseUnsafeKeys(value: unknown): void {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const current = open.pop();
    if (typeof current !== "object" || current === null) continue;
    if (Array.isArray(current)) open.push(...current);
    else
      for (const key of Object.keys(current)) {
        if (dangerous.has(key)) throw unsafeKey(key);
        open.push((current as Record<string, unknown>)[key]);
      }
  }
}

const unsafeKey = (key: string) =>
  invalid("unsafe_key", "The input has a key named __proto__, constructor or prototype. Such keys are not accepted.", {
    details: { field: key.slice(0, 100) },
  });
