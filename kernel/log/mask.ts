/**
 * Secrets out of text, in the forms in which they escape: as they are, base64, URL-encoded, inside JSON. Whole lines go
 * through it, so it does not matter which field, message or error of a library carried the secret.
 */
const mark = "[masked]";
/** Shorter values would mask ordinary words. */
const shortest = 6;

export interface Mask {
  /** From now on this value is masked. */
  add(secret: string): void;
  apply(text: string): string;
}

export function createMask(secrets: readonly string[] = []): Mask {
  const forms = new Set<string>();
  let pattern: RegExp | undefined;
  const add = (secret: string): void => {
    if (secret.length < shortest) return;
    for (const form of formsOf(secret)) forms.add(form);
    // Longest first: a form that contains another must not be cut in two.
    const alternatives = [...forms].toSorted((a, b) => b.length - a.length).map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    pattern = new RegExp(alternatives.join("|"), "g");
  };
  for (const secret of secrets) add(secret);
  return {
    add,
    apply(text) {
      const unnamed = text.includes("://") ? text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"'@:]*:[^\s/"'@]+@/gi, `$1${mark}@`) : text;
      return pattern ? unnamed.replace(pattern, mark) : unnamed;
    },
  };
}

function formsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
  const inJson = JSON.stringify(secret).slice(1, -1);
  // Twice: a JSON text as a field of a JSON line.
  return [secret, base64, base64.replaceAll("+", "-").replaceAll("/", "_"), encodeURIComponent(secret), inJson, JSON.stringify(inJson).slice(1, -1)];
}
