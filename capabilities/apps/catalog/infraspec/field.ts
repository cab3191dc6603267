/**
 * How the table of fields reads a file: a `Type` reads one value, a `Field` is a type with a meaning and a presence. The
 * same table checks files, fills in defaults and writes docs/infraspec.md, so the three cannot drift apart.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, type Alias, type Node } from "yaml";
import type { Finding, Severity } from "./finding.ts";
import { nearest } from "./nearest.ts";

/** Reads one kind of value. A wrong value is reported and undefined given, so that reading goes on with a stand-in. */
export interface Type<T> {
  /** As the reference shows it: `text`, `duration`, `list of text`. */
  readonly label: string;
  /** Stands in for a required value that is missing or wrong; the spec is then null, so nobody reads it. */
  readonly blank: T;
  read(node: Node, path: string, reader: Reader): T | undefined;
  /** What is inside, for the reference. */
  readonly fields?: Fields;
  readonly item?: Type<unknown>;
  readonly exampleKey?: string;
}

export interface Field<T> {
  readonly type: Type<unknown>;
  readonly meaning: string;
  readonly isRequired: boolean;
  /** As the reference shows it. */
  readonly shownDefault: string | undefined;
  /** Read and checked, but nothing acts on it. */
  readonly isInert: boolean;
  /** A value as written, for the annotated example. Blocks have none: their fields have. */
  readonly example: string | undefined;
  read(node: Node | undefined, path: string, reader: Reader): T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValuesOf<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never };

interface Words {
  readonly example?: string;
  /** What the reference says in place of the default's value. */
  readonly shown?: string;
  readonly inert?: true;
}

const field = <T>(
  type: Type<unknown>,
  meaning: string,
  words: Words,
  rest: Pick<Field<T>, "isRequired" | "shownDefault" | "read">,
): Field<T> => ({
  type,
  meaning,
  isInert: words.inert ?? false,
  example: words.example,
  ...rest,
  read: (node, path, reader) => {
    if (node && words.inert) reader.report("info", path, "is read and checked, but nothing acts on it in this version.");
    return rest.read(node, path, reader);
  },
});

export const required = <T>(type: Type<T>, meaning: string, words: Words = {}): Field<T> =>
  field(type, meaning, words, {
    isRequired: true,
    shownDefault: undefined,
    read: (node, path, reader) => {
      if (node) return type.read(node, path, reader) ?? type.blank;
      reader.report("error", path, `is required. ${meaning}`);
      return type.blank;
    },
  });

export const optional = <T>(type: Type<T>, meaning: string, words: Words = {}): Field<T | undefined> =>
  field(type, meaning, words, {
    isRequired: false,
    shownDefault: words.shown,
    read: (node, path, reader) => (node ? type.read(node, path, reader) : undefined),
  });

export const byDefault = <T>(type: Type<T>, value: T, shown: string, meaning: string, words: Words = {}): Field<T> =>
  field(type, meaning, words, {
    isRequired: false,
    shownDefault: shown,
    read: (node, path, reader) => (node ? (type.read(node, path, reader) ?? value) : value),
  });

/** A mapping with known keys. An unknown one is a warning that names the nearest known one. */
export function object<F extends Fields>(fields: F): Type<ValuesOf<F>> & { readonly fields: F } {
  const names = Object.keys(fields);
  const readAll = (given: ReadonlyMap<string, Node>, path: string, reader: Reader): ValuesOf<F> =>
    // Built from the table's own names, so it has exactly the type that the table says.
    Object.fromEntries(names.map((name) => [name, fields[name]!.read(given.get(name), join(path, name), reader)])) as ValuesOf<F>;
  const silent = { report: () => {} } as unknown as Reader; // only `report` is reached when every field is absent
  return {
    label: "block",
    fields,
    get blank() {
      return readAll(new Map(), "", silent);
    },
    read(node, path, reader) {
      const entries = reader.entries(node, path);
      if (!entries) return undefined;
      const given = new Map<string, Node>();
      for (const { key, value, keyPath } of entries) {
        if (Object.hasOwn(fields, key)) {
          const present = reader.present(value, keyPath);
          if (present) given.set(key, present);
          continue;
        }
        const meant = nearest(
          key,
          names.filter((name) => !entries.some((entry) => entry.key === name)),
        );
        reader.report("warning", keyPath, `is not a field of infraspec and is ignored.${meant ? ` Did you mean \`${meant}\`?` : ""}`);
      }
      return readAll(given, path, reader);
    },
  };
}

export interface MapEntry<T> {
  readonly key: string;
  readonly value: T;
}

/** A mapping with keys of the user's choice, in the order of the file. `checkKey` says what is wrong with a key. */
export const mapOf = <T>(
  item: Type<T>,
  words: { label: string; exampleKey: string; max: number; checkKey(key: string): string | undefined },
): Type<readonly MapEntry<T>[]> => ({
  label: words.label,
  exampleKey: words.exampleKey,
  item,
  blank: [],
  read(node, path, reader) {
    const entries = reader.entries(node, path);
    if (!entries) return [];
    if (entries.length > words.max) {
      reader.report("error", path, `has ${entries.length} entries; ${words.max} are the most.`);
      return undefined;
    }
    return entries.map(({ key, value, keyPath }) => {
      const wrong = words.checkKey(key);
      if (wrong) reader.report("error", keyPath, wrong);
      const resolved = reader.resolve(value, keyPath);
      return { key, value: (resolved && item.read(resolved, keyPath, reader)) ?? item.blank };
    });
  },
});

export const listOf = <T>(item: Type<T>, max = 100): Type<readonly T[]> => ({
  label: item.label === "block" ? "list of blocks" : `list of ${item.label}`,
  item,
  blank: [],
  read(node, path, reader) {
    if (!isSeq(node)) {
      reader.report("error", path, "must be a list: one entry a line, each behind `- `.");
      return undefined;
    }
    if (node.items.length > max) {
      reader.report("error", path, `has ${node.items.length} entries; ${max} are the most.`);
      return undefined;
    }
    return node.items.map((each, index) => {
      const itemPath = `${path}[${index}]`;
      reader.mark(itemPath, each);
      const resolved = reader.resolve(each, itemPath);
      return (resolved && item.read(resolved, itemPath, reader)) ?? item.blank;
    });
  },
});

export const join = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

const maxVisits = 20_000;

/** The file being read: collects findings, knows where each field stands, and follows aliases within a budget. */
export class Reader {
  readonly findings: Finding[] = [];
  readonly #aliases: ReadonlyMap<Alias, Node>;
  readonly #place: (offset: number) => { line: number; column: number };
  readonly #offsets = new Map<string, number>();
  readonly #wrong = new Set<string>();
  #visits = 0;

  constructor(aliases: ReadonlyMap<Alias, Node>, place: (offset: number) => { line: number; column: number }) {
    this.#aliases = aliases;
    this.#place = place;
  }

  /** `message` begins with a verb: the field's name is put before it. One error a field: the first is the cause. */
  report(severity: Severity, path: string, message: string): void {
    if (severity === "error") {
      if (this.#wrong.has(path)) return;
      this.#wrong.add(path);
    }
    this.findings.push({ severity, field: path, message: sentence(path, message), ...this.#place(this.#offsetOf(path)) });
  }

  /** Whether an error has been reported for the field or one inside it. */
  isWrongBelow(path: string): boolean {
    return this.#wrong.values().some((wrong) => wrong === path || wrong.startsWith(`${path}.`));
  }

  /** Remembers where a path stands. */
  mark(path: string, node: unknown): void {
    if (isNode(node) && node.range) this.#offsets.set(path, node.range[0]);
  }

  /** The node an alias stands for. Undefined, with a finding, when aliases have multiplied the file past the budget. */
  resolve(node: unknown, path: string): Node | undefined {
    if (++this.#visits > maxVisits) {
      if (this.#visits === maxVisits + 1) this.report("error", path, "unfolds to too many values: aliases multiply them.");
      return undefined;
    }
    const resolved = isAlias(node) ? this.#aliases.get(node) : node;
    return isNode(resolved) ? resolved : undefined;
  }

  /** Like `resolve`, but `field:` with nothing behind it counts as not written. */
  present(node: unknown, path: string): Node | undefined {
    const resolved = node === null ? undefined : this.resolve(node, path);
    if (resolved && !(isScalar(resolved) && resolved.value === null)) return resolved;
    if (node === null || resolved) this.report("info", path, "has no value and is left out.");
    return undefined;
  }

  /** Keys and values of a mapping; undefined, with a finding, when it is none. */
  entries(node: Node, path: string): { key: string; value: unknown; keyPath: string }[] | undefined {
    if (!isMap(node)) {
      this.report("error", path, "must be a block of `name: value` lines.");
      return undefined;
    }
    return node.items.map((pair) => {
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : String(pair.key);
      const keyPath = join(path, key.slice(0, 100));
      this.mark(keyPath, pair.key);
      return { key, value: pair.value, keyPath };
    });
  }

  /** Where the field stands, or the nearest block around it that is written, or the file's beginning. */
  #offsetOf(path: string): number {
    for (let at = path; at !== ""; at = at.slice(0, Math.max(at.lastIndexOf("."), at.lastIndexOf("["), 0))) {
      const offset = this.#offsets.get(at);
      if (offset !== undefined) return offset;
    }
    return 0;
  }
}

const sentence = (path: string, message: string): string => (path === "" ? `The file ${message}` : `\`${path}\` ${message}`);
