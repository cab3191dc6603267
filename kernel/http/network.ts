/** Addresses and networks: whose forwarding headers are believed, which private ranges may be reached. */
import ipaddr from "ipaddr.js";

export interface Network {
  /** As it was written: `10.0.0.0/8`. */
  readonly text: string;
  contains(address: string): boolean;
}

type Address = ReturnType<typeof ipaddr.process>;

/** `10.0.0.0/8`, `fd00::/8`, or one address. Undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const range = parseRange(text.trim());
  if (!range) return undefined;
  const [base, bits] = range;
  return {
    text: text.trim(),
    contains: (candidate) => {
      const address = parseAddress(candidate);
      return address !== undefined && address.kind() === base.kind() && address.match(base as never, bits);
    },
  };
}

/** An IPv4 address in IPv6 clothes (`::ffff:127.0.0.1`, as a dual-stack socket shows it) is that IPv4 address. */
export function normaliseAddress(text: string): string | undefined {
  return parseAddress(text)?.toString();
}

export function isLoopbackAddress(text: string): boolean {
  return parseAddress(text)?.range() === "loopback";
}

/** An address to listen on that only this machine reaches. */
export const isLoopbackHost = (text: string): boolean => text === "localhost" || isLoopbackAddress(text);

function parseRange(text: string): [Address, number] | undefined {
  if (text.includes("/")) {
    if (!ipaddr.isValidCIDR(text)) return undefined;
    return ipaddr.parseCIDR(text);
  }
  const address = parseAddress(text);
  return address && [address, address.kind() === "ipv4" ? 32 : 128];
}

function parseAddress(text: string): Address | undefined {
  // Short forms (`127.1`, octal) are valid to some parsers and not to others: only the four-part form is an address here.
  const isAddress = text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
  return isAddress ? ipaddr.process(text) : undefined;
}
