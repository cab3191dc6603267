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

/** `scheme://user:password@`: a password in a URL is one whether or not it was registered. */
const credentials = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"'@:]*:[^\s/"'@]+@/gi;
/** A piece that ends so may go on as one. Bounded: a longer one is no address. */
const maybeCredentials = /[a-z][a-z0-9+.-]{0,20}(?::(?:\/(?:\/[^\s/"'@]{0,512})?)?)?$/i;

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
  const withoutCredentials = (text: string): string => (text.includes("://") ? text.replace(credentials, `$1${mark}@`) : text);

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
          const unnamed = withoutCredentials(text);
          const cut = unnamed.length - (maybeCredentials.exec(unnamed)?.[0].length ?? 0);
          const given = take(unnamed.slice(0, cut));
          kept += unnamed.slice(cut);
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
