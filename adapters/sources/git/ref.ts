/**
 * What a ref may look like, and what to say when there is none of that name. Pure. A ref that passes here is still only
 * ever given to git behind a fixed prefix (`refs/heads/…`), so it can be neither an option nor a revision expression.
 */
import { invalid } from "@norns/kernel/errors";

/** Throws `ref_invalid` unless the text is `HEAD`, a `refs/…` name, a branch or tag name, or 7 to 40 hex digits. */
export function checkRef(ref: string): string {
  const why = whyInvalid(ref);
  if (why === undefined) return ref;
  throw invalid("ref_invalid", `That ref ${why}. A ref is a branch, a tag, a commit of 7 to 40 hex digits, or HEAD.`);
}

function whyInvalid(ref: string): string | undefined {
  if (ref === "") return "is empty";
  if (ref.length > 250) return "is longer than 250 characters";
  if (ref.startsWith("-")) return "begins with a hyphen";
  // Letters and digits of any script; of punctuation only what names use and no shell, glob or revision syntax reads.
  if (!/^[\p{L}\p{M}\p{N}._/+@#=,%-]+$/u.test(ref)) return "has a character that is not allowed in one";
  if (ref.includes("..") || ref.includes("@{") || ref.includes("//") || ref === "@") return "is a revision expression, not a name";
  const parts = ref.split("/");
  if (parts.some((part) => part === "" || part.startsWith(".") || part.endsWith(".") || part.endsWith(".lock")))
    return "is not a name that git allows";
  if (ref.startsWith("refs/") && (parts.length < 3 || parts[1] === "norns")) return "is not one that a repository offers";
  return undefined;
}

export const isHex = (ref: string): boolean => /^[0-9a-f]{7,40}$/i.test(ref);
export const isFullCommit = (ref: string): boolean => /^[0-9a-f]{40}$/.test(ref);

/** The names most like the one asked for, best first. */
export function nearestNames(wanted: string, names: readonly string[], count = 3): readonly string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return names
    .slice(0, 2000)
    .map((name) => ({ name, distance: name.includes(wanted) || wanted.includes(name) ? 0 : editDistance(wanted, name) }))
    .filter((one) => one.distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map((one) => one.name);
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + change));
    }
    previous = current;
  }
  return previous[b.length]!;
}
