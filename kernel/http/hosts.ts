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

/** A Host header (or `:authority`) → name and port; undefined when it is none. */
export function parseHost(header: string | undefined): HostName | undefined {
  const match = header && /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9_.-]{1,253}?)\.?)(?::(\d{1,5}))?$/.exec(header);
  if (!match) return undefined;
  const name = (match[1] ?? match[2]!).toLowerCase();
  return { name: match[1] === undefined ? name : (normaliseAddress(name) ?? name), port: match[3] ?? "" };
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
