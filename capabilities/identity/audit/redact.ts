/** Keeps secrets out of the trail: the trail is read by more people than the thing that was changed. */
import type { Json } from "@norns/kernel/ledger";

export const hidden = "[hidden]";

const secretName = /pass(word|wd|phrase)?$|secret|token|credential|private_?key|api_?key$|authorization|cookie|hash$|hmac|salt/i;
const secretValue = /^(nora_|nno_|eyJ[\w-]+\.|-----BEGIN |Bearer )/;
/** Depth and length are bounded: a row is a note about a change, not a copy of the world. */
const maxDepth = 8;
const maxText = 4_000;

export function redact(value: Json, depth = 0): Json {
  if (typeof value === "string") {
    if (secretValue.test(value)) return hidden;
    return value.length > maxText ? `${value.slice(0, maxText)}… (${value.length} characters)` : value;
  }
  if (value === null || typeof value !== "object") return value;
  if (depth >= maxDepth) return "[deeper]";
  if (Array.isArray(value)) return value.map((item: Json) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([name, item]) => [
      name,
      secretName.test(name) && item !== null && typeof item !== "boolean" ? hidden : redact(item, depth + 1),
    ]),
  );
}
