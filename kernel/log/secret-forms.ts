/** How a secret looks in text once others have encoded it. Pure. */

/** What stands in a secret's place. */
export const mark = "[masked]";
/** Shorter values would mask ordinary words. */
const shortest = 6;
/** A line of a secret of several lines is masked by itself from this length on: logs are cut into lines. */
const shortestLine = 12;

/** Every form to look for; empty for a value too short to be masked. */
export function formsOf(secret: string): string[] {
  if (secret.length < shortest) return [];
  const lines = secret.split(/\r?\n/);
  const parts = lines.length > 1 ? [secret, ...lines.filter((line) => line.length >= shortestLine && !line.startsWith("-----"))] : [secret];
  return [...new Set(parts.flatMap((part) => [part, ...base64Forms(part), ...urlForms(part), ...jsonForms(part)]))].filter(
    (form) => form.length >= shortest,
  );
}

/** The characters that any base64 text with the secret inside must contain, for each of the three ways it may lie in it. */
function base64Forms(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  return [0, 1, 2].flatMap((offset) => {
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    const text = toBase64(padded).replace(/=+$/, "");
    // Characters that also carry bits of what stands before or behind depend on it.
    const head = Math.ceil((offset * 8) / 6);
    const tail = (padded.length * 8) % 6 === 0 ? text.length : text.length - 1;
    const whole = offset === 0 ? [text] : [];
    return [...whole, text.slice(head, tail)].flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
  });
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function urlForms(secret: string): string[] {
  let encoded: string;
  try {
    encoded = encodeURIComponent(secret);
  } catch {
    // Half a surrogate pair: it has no URL form.
    return [];
  }
  // Which of the permitted signs are encoded, and in which case, differs between programs.
  const strict = encoded.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const all = [encoded, strict, encodeURI(secret)].flatMap((form) => [form, form.replaceAll("%20", "+")]);
  return all.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function jsonForms(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // Twice: a JSON text as a field of a JSON line.
  return [json, ascii, json.replaceAll("/", "\\/")].flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
}
