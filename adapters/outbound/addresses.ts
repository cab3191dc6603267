/**
 * Which addresses the outside world has. Pure: an address is a string in any form that `ipaddr.js` reads, and the answer
 * is a word for a person or undefined when the address is an ordinary public one.
 */
import ipaddr from "ipaddr.js";
import { invalid } from "@norns/kernel/errors";

export type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Azure's wire server answers with credentials on a public-looking address; ranges alone do not show it. */
const hostServices = new Set(["168.63.129.16"]);

/** Reads `10.0.0.0/8`, `fd00::/8`, or one address. Anything else is an error at start, never a silently ignored line. */
export function parseNetworks(texts: readonly string[]): readonly Network[] {
  return texts.map((text) => {
    const trimmed = text.trim();
    try {
      const [base, ...bits] = trimmed.split("/");
      if (bits.length > 0 && parseAddress(base!) !== undefined) return ipaddr.parseCIDR(trimmed);
      const address = parseAddress(trimmed);
      if (address === undefined) throw new Error("not an address");
      return [address, address.kind() === "ipv4" ? 32 : 128];
    } catch (cause) {
      throw invalid("network_invalid", `NORNS_ALLOWED_NETWORKS: "${trimmed}" is neither an address nor a network such as 10.0.0.0/8.`, {
        cause,
      });
    }
  });
}

/** The strict forms only: `0x7f.1`, `017700000001` and `2130706433` are not addresses here (a URL turns them into one first). */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.replace(/^\[|\]$/g, "");
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  if (!bare.includes(":") || !ipaddr.IPv6.isValid(bare)) return undefined;
  const address = ipaddr.IPv6.parse(bare);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/** Inside IPv6 an IPv4 address can travel in several dresses: NAT64, the old "compatible" form, 6to4. Each is judged undressed too. */
function insideAddress(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const parts = address.parts;
  const tail = [parts[6]! >> 8, parts[6]! & 255, parts[7]! >> 8, parts[7]! & 255];
  const startsWith = (...prefix: number[]) => prefix.every((part, index) => parts[index] === part);
  if (startsWith(0x64, 0xff9b)) return new ipaddr.IPv4(tail);
  if (startsWith(0, 0, 0, 0, 0, 0)) return new ipaddr.IPv4(tail);
  if (startsWith(0x2002)) return new ipaddr.IPv4([parts[1]! >> 8, parts[1]! & 255, parts[2]! >> 8, parts[2]! & 255]);
  return undefined;
}

/** Undefined: may be reached. Else the word for what the address is: `loopback`, `private`, `linkLocal`, `not an address` … */
export function refusalOf(text: string, allowed: readonly Network[]): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return "not an address";
  const inAllowed = allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  if (inAllowed) return undefined;
  if (hostServices.has(address.toString())) return "a service of the hosting machine";
  const range = address.range();
  if (address.kind() === "ipv6") {
    const inside = insideAddress(address as ipaddr.IPv6);
    if (inside !== undefined) {
      const refusal = refusalOf(inside.toString(), allowed);
      if (refusal !== undefined) return refusal;
    }
  }
  // NAT64 is how an IPv6-only machine reaches public IPv4; what it carries was judged above.
  return range === "unicast" || range === "rfc6052" ? undefined : range;
}
