/**
 * What a variable is made of. Each kind parses text into a value, or says in one sentence what was wrong with it; the
 * sentence never repeats a secret.
 */
import { parseNetwork, type Network } from "../http/network.ts";
import { Secret } from "./secret.ts";

export interface Variable<Value> {
  readonly name: string;
  readonly aliases: readonly string[];
  /** One line for docs/configuration.md. */
  readonly doc: string;
  readonly example: string;
  /** What holds when it is not set, in words; the value itself where it is constant. */
  readonly defaultText: string;
  readonly isSecret: boolean;
  /** Throws `Wrong`. */
  readonly parse: (text: string) => Value;
  readonly fallback: Value;
}

/** What was wrong with a value: the text after "NORNS_PORT …". */
export class Wrong extends Error {}

interface Description {
  readonly aliases?: readonly string[];
  readonly doc: string;
  readonly example: string;
  readonly default?: string;
}

const describe = (name: string, of: Description, fallback: string) => ({
  name,
  aliases: of.aliases ?? [],
  doc: of.doc,
  example: of.example,
  defaultText: of.default ?? fallback,
  isSecret: false,
});

export function text<Fallback extends string | undefined>(name: string, of: Description, fallback: Fallback): Variable<string | Fallback> {
  return { ...describe(name, of, fallback ?? "not set"), parse: (value) => value, fallback };
}

interface SecretDescription extends Description {
  readonly minLength?: number;
  /** Says what is wrong with the value, without repeating it. */
  readonly fault?: (value: string) => string | undefined;
}

export function secret(name: string, of: SecretDescription): Variable<Secret | undefined> {
  const { minLength = 1 } = of;
  return {
    ...describe(name, of, "not set"),
    isSecret: true,
    parse: (value) => {
      if (value.length < minLength) throw new Wrong(`is too short: it needs at least ${minLength} characters`);
      const fault = of.fault?.(value);
      if (fault !== undefined) throw new Wrong(fault);
      return new Secret(value);
    },
    fallback: undefined,
  };
}

export function secretUrl(name: string, of: Description & { readonly protocols: readonly string[] }): Variable<Secret | undefined> {
  return {
    ...describe(name, of, "not set"),
    isSecret: true,
    parse: (value) => {
      // `postgres://user:password@/name?host=/run/postgresql` has no host, and is right.
      parseUrl(value.replace(/(:\/\/[^/?]*@|:\/\/)\//, "$1localhost/"), of.protocols);
      return new Secret(value);
    },
    fallback: undefined,
  };
}

export function url(name: string, of: Description & { readonly protocols: readonly string[] }): Variable<URL | undefined> {
  return { ...describe(name, of, "not set"), parse: (value) => parseUrl(value, of.protocols), fallback: undefined };
}

export function integer(
  name: string,
  of: Description & { readonly min: number; readonly max: number },
  fallback: number,
): Variable<number> {
  return {
    ...describe(name, of, String(fallback)),
    parse: (value) => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (Number.isNaN(number)) throw new Wrong(`is not a whole number: "${shorten(value)}"`);
      if (number < of.min || number > of.max) throw new Wrong(`is ${number}, and must be from ${of.min} to ${of.max}`);
      return number;
    },
    fallback,
  };
}

export function choice<const Choices extends readonly string[], Fallback extends Choices[number] | undefined>(
  name: string,
  of: Description & { readonly choices: Choices },
  fallback: Fallback,
): Variable<Choices[number] | Fallback> {
  return {
    ...describe(name, of, fallback ?? "not set"),
    parse: (value) => {
      const found = of.choices.find((one) => one === value.toLowerCase());
      if (found === undefined) throw new Wrong(`is "${shorten(value)}", and must be ${of.choices.join(" or ")}`);
      return found as Choices[number];
    },
    fallback,
  };
}

/** Comma-separated; blanks around and empty entries are dropped. */
export function list<Item>(
  name: string,
  of: Description,
  item: (text: string) => Item,
  fallback: readonly Item[],
): Variable<readonly Item[]> {
  return {
    ...describe(name, of, "empty"),
    parse: (value) =>
      value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map(item),
    fallback,
  };
}

export const network = (value: string): Network => {
  const parsed = parseNetwork(value);
  if (!parsed) throw new Wrong(`holds "${shorten(value)}", which is not an address or a network in CIDR form`);
  return parsed;
};

export const origin = (value: string): string => {
  const parsed = parseUrl(value, ["http:", "https:"]);
  if (parsed.origin !== value.replace(/\/$/, ""))
    throw new Wrong(`holds "${shorten(value)}", which is not a bare origin (scheme, host, port; no path)`);
  return parsed.origin;
};

export const environmentName = (value: string): string => {
  if (!/^[A-Za-z_*][A-Za-z0-9_*]*$/.test(value)) throw new Wrong(`holds "${shorten(value)}", which is not the name of a variable`);
  return value;
};

function parseUrl(value: string, protocols: readonly string[]): URL {
  // The value itself is not repeated: a database address carries a password.
  if (!URL.canParse(value)) throw new Wrong("is not an address (URL)");
  const parsed = new URL(value);
  if (!protocols.includes(parsed.protocol)) throw new Wrong(`must begin with ${protocols.map((one) => `${one}//`).join(" or ")}`);
  return parsed;
}

const shorten = (value: string): string => (value.length > 60 ? `${value.slice(0, 57)}…` : value);
