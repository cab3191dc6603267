/**
 * The pattern of app, process and volume names. It is `namePattern` of the kernel's ids, written again because that
 * module brings zod along, which the command line would have to load for one pattern; a test holds the two equal.
 */
export const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Kept for names that Norns itself gives out below `localhost`. */
const reservedNames = new Set(["svc", "localhost"]);

/** What is wrong with a name of an app or a process, as text that begins with a verb. */
export function checkName(value: string): string | undefined {
  if (!namePattern.test(value)) return "must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at the ends.";
  return reservedNames.has(value) ? `cannot be \`${value}\`: that name is reserved.` : undefined;
}
