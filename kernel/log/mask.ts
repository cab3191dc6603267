/**
 * Secrets out of text, in the forms in which they escape: as they are, base64 (also in the middle of a longer base64
 * text, as in a Basic header), URL-encoded, inside JSON. Whole lines go through it, so it does not matter which field,
 * message or error of a library carried the secret.
 */
import { formsOf, mark } from "./secret-forms.ts";

export interface Mask {
  /** From now on this value is masked. Values shorter than 6 characters are not: they would mask ordinary words. */
  add(secret: string): void;
  apply(text: string): string;
  /** For output that comes in pieces: a secret is found also where it was cut in two. */
  stream(): MaskStream;
}

/** Gives back what can be told apart from the beginning of a secret; keeps the rest for the next piece. */
export interface MaskStream {
  /** Bytes are UTF-8; a character may be cut in two. */
  write(piece: string | Uint8Array): string;
  /** What was kept, at the end of the output. */
  end(): string;
}

/**
 * What is a credential by the place where it stands, whether or not it was registered: who an address signs in as
 * (`https://me:password@host`, `https://token@host`), what an `.npmrc` says, and what follows `Bearer`.
 */
const credentials: readonly (readonly [RegExp, string])[] = [
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"'@]+@/gi, `$1${mark}@`],
  [/(_authToken|_password)([ \t]*=[ \t]*)[^\s"'\\]+/g, `$1$2${mark}`],
  // A digit in it: the words after `bearer` in a sentence have none.
  [/([Bb]earer[ \t]+)(?=[^\s"'\\]*\d)[^\s"'\\]{8,}/g, `$1${mark}`],
];
/** A piece that ends so may go on as one of them. Bounded: longer ones are not held back for. */
const maybeCredentials = new RegExp(
  [
    /(?:_authToken|_password)[ \t]{0,8}(?:=[ \t]{0,8}[^\s"'\\]{0,4096})?$/,
    /[Bb]earer(?:[ \t]{1,8}[^\s"'\\]{0,4096})?$/,
    /_?[A-Za-z][A-Za-z0-9+.-]{0,20}(?::(?:\/(?:\/[^\s/"'@]{0,512})?)?)?$/,
    /_$/,
  ]
    .map(({ source }) => source)
    .join("|"),
);
/** No match of `maybeCredentials` is longer, so it need not look at more. */
const mostHeldBack = 4_200;

export function createMask(secrets: readonly string[] = []): Mask {
  const forms = new Set<string>();
  let ordered: readonly string[] = [];
  let pattern: RegExp | undefined;
  let longest = 0;

  const add = (secret: string): void => {
    const known = forms.size;
    for (const form of formsOf(secret)) forms.add(form);
    if (forms.size === known) return;
    // Longest first: a form that contains another must not be cut in two.
    ordered = [...forms].toSorted((a, b) => b.length - a.length);
    longest = ordered[0]!.length;
    pattern = new RegExp(ordered.map((form) => form.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|"), "g");
  };
  const withoutCredentials = (text: string): string =>
    credentials.reduce((rest, [found, replacement]) => rest.replace(found, replacement), text);

  for (const secret of secrets) add(secret);
  return {
    add,
    apply(text) {
      const unnamed = withoutCredentials(text);
      return pattern ? unnamed.replace(pattern, mark) : unnamed;
    },
    stream() {
      const decoder = new TextDecoder();
      let kept = "";

      /** Where the text stops being certain, from `from` on: its rest may be the beginning of a secret. */
      const certainUntil = (text: string, from: number): number => {
        for (let start = Math.max(from, text.length - longest + 1); start < text.length; start++) {
          const rest = text.slice(start);
          if (ordered.some((form) => form.length > rest.length && form.startsWith(rest))) return start;
        }
        return text.length;
      };

      const take = (text: string): string => {
        let given = "";
        let position = 0;
        let end = certainUntil(text, 0);
        for (const match of pattern ? text.matchAll(pattern) : []) {
          if (match.index >= end) break;
          given += text.slice(position, match.index) + mark;
          position = match.index + match[0].length;
          if (position > end) end = certainUntil(text, position);
        }
        kept = text.slice(end);
        return given + text.slice(position, end);
      };

      return {
        write(piece) {
          const text = kept + (typeof piece === "string" ? piece : decoder.decode(piece, { stream: true }));
          const cut = text.length - (maybeCredentials.exec(text.slice(-mostHeldBack))?.[0].length ?? 0);
          const given = take(withoutCredentials(text.slice(0, cut)));
          kept += text.slice(cut);
          return given;
        },
        end() {
          const rest = withoutCredentials(kept + decoder.decode());
          kept = "";
          return pattern ? rest.replace(pattern, mark) : rest;
        },
      };
    },
  };
}
