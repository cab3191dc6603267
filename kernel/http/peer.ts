/**
 * Who is at the other end. The address is the socket's; forwarding headers count only when the socket's own peer is a
 * trusted proxy, and then from the right: the rightmost address that is no proxy of ours is the client.
 */
import { normaliseAddress, type Network } from "./network.ts";

export interface Peer {
  readonly address: string;
  readonly isSecure: boolean;
}

export function peerOf(
  socketAddress: string | undefined,
  header: (name: string) => string | undefined,
  trustedProxies: readonly Network[],
): Peer {
  const direct = (socketAddress && normaliseAddress(socketAddress)) ?? "unknown";
  const isTrusted = (address: string) => trustedProxies.some((network) => network.contains(address));
  if (trustedProxies.length === 0 || !isTrusted(direct)) return { address: direct, isSecure: false };

  const isSecure = header("x-forwarded-proto")?.split(",").at(-1)?.trim() === "https";
  const hops = (header("x-forwarded-for") ?? "").split(",").map((hop) => normaliseAddress(hop.trim()));
  let address = direct;
  for (const hop of hops.toReversed()) {
    // Something unreadable in the chain: what lies behind it is a claim of strangers.
    if (hop === undefined) break;
    address = hop;
    if (!isTrusted(hop)) break;
  }
  return { address, isSecure };
}

/** What a limit by address counts: an IPv6 caller has a whole /64 to send from, so all of it counts as one. */
export function limitKeyOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = ""] = address.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  return `${[...groups, "0", "0", "0", "0"].slice(0, 4).join(":")}::/64`;
}
