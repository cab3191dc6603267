/**
 * The name in a `Host` header, in one form: lower case, no port, no dot at the end, IPv6 in its brackets. Undefined for
 * anything that is not plainly a host: a header that two readers could take for two names must match none (DNS rebinding,
 * cache poisoning).
 */
export function parseHost(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 300) return undefined;
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?)(?::(\d{1,5}))?$/i.exec(header);
  if (!match || (match[2] !== undefined && Number(match[2]) > 65535)) return undefined;
  const name = match[1]!.toLowerCase().replace(/\.$/, "");
  if (name.startsWith("[")) return name;
  return name.length <= 253 && name.split(".").every((label) => label.length > 0 && label.length <= 63) ? name : undefined;
}
