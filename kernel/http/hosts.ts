/**
 * Which names are ours. A page of the attacker whose name suddenly resolves to 127.0.0.1 still sends its own name as
 * Host, so a name that is not ours is answered 421 and nothing else.
 */
import { normaliseAddress } from "./network.ts";

export interface HostName {
  /** Lower case, without port, brackets or a final dot: `hello.localhost`, `::1`. */
  readonly name: string;
  readonly port: string;
}

/**
 * A Host header (or `:authority`) → name and port; undefined for anything that is not plainly a host. The only parser of
 * hosts: what is ours and what is an app's is decided on one reading, and a header that two readers could take for two
 * names is none (DNS rebinding, cache poisoning).
 */
export function parseHost(header: string | undefined): HostName | undefined {
  if (header === undefined || header.length > 300) return undefined;
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)\.?)(?::(\d{1,5}))?$/i.exec(header);
  if (!match || Number(match[3] ?? 0) > 65_535) return undefined;
  const name = match[1] === undefined ? nameOf(match[2]!) : addressOf(match[1]);
  return name === undefined ? undefined : { name, port: match[3] ?? "" };
}

const addressOf = (bracketed: string): string | undefined => (bracketed.includes(":") ? normaliseAddress(bracketed) : undefined);

function nameOf(text: string): string | undefined {
  const isName = text.length <= 253 && text.split(".").every((label) => label.length > 0 && label.length <= 63);
  return isName ? text.toLowerCase() : undefined;
}

export interface ControlPlaneHosts {
  /** `localhost`, `127.0.0.1`, `[::1]`, the public URL's host, and the very address that was bound. */
  has(host: HostName): boolean;
  /** Scheme, host and port under which this request's page, if it is ours, was loaded. */
  originOf(hostHeader: string, isSecure: boolean): string | undefined;
}

export function createControlPlaneHosts(of: { publicUrl: URL | undefined; bindAddress: string }): ControlPlaneHosts {
  const names = new Set(["localhost", "127.0.0.1", "::1"]);
  const publicHost = of.publicUrl && parseHost(of.publicUrl.host);
  if (publicHost) names.add(publicHost.name);
  // A literal address cannot be rebound by DNS; the wildcard addresses name no host.
  const bound = normaliseAddress(of.bindAddress);
  if (bound && bound !== "0.0.0.0" && bound !== "::") names.add(bound);
  return {
    has: (host) => names.has(host.name),
    originOf(hostHeader, isSecure) {
      if (of.publicUrl && hostHeader.toLowerCase() === of.publicUrl.host) return of.publicUrl.origin;
      const text = `${isSecure ? "https" : "http"}://${hostHeader}`;
      return URL.canParse(text) ? new URL(text).origin : undefined;
    },
  };
}
