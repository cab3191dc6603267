/** What is forwarded, as flat lists of names and values: order, case and repetitions stay as they were. Pure. */
import { filterSetCookie, withoutOwnCookies } from "./cookies.ts";

/** Concern one connection only; what `Connection` names comes on top. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);
/** Say who the client is; believed only from a trusted proxy. `Forwarded` is dropped from everybody: we speak one dialect. */
const forwarding = /^(?:forwarded|via|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|x-forwarded-.*)$/;

export interface ControlPlane {
  /** Whether a cookie's name is the control plane's. */
  readonly isOwnCookie: (name: string) => boolean;
  /** Hosts of the control plane, lower case: no app's cookie may reach them. */
  readonly hostnames: readonly string[];
  /** Whether the value of a query parameter `ticket` is a ticket of ours. */
  readonly isTicket: (value: string) => boolean;
}

export interface Client {
  readonly address: string;
  readonly isEncrypted: boolean;
  /** The connection comes from a proxy whose forwarding headers are believed. */
  readonly isTrustedProxy: boolean;
}

export function* pairs(raw: readonly string[]): Generator<readonly [lower: string, name: string, value: string]> {
  for (let index = 0; index + 1 < raw.length; index += 2) yield [raw[index]!.toLowerCase(), raw[index]!, raw[index + 1]!];
}

function dropped(raw: readonly string[]): ReadonlySet<string> {
  const named = [...pairs(raw)].filter(([lower]) => lower === "connection").flatMap(([, , value]) => value.toLowerCase().split(","));
  return new Set([...hopByHop, ...named.map((name) => name.trim())]);
}

/** The request's headers for the instance. `Host` stays the one the visitor used. */
export function requestHeaders(raw: readonly string[], client: Client, control: ControlPlane): string[] {
  const drop = dropped(raw);
  const headers: string[] = [];
  const told = { for: [] as string[], proto: "", host: "" };
  let host = "";
  let isChunked = false;
  for (const [lower, name, value] of pairs(raw)) {
    if (lower === "transfer-encoding") isChunked = true;
    if (lower === "host") host = value;
    if (lower === "x-forwarded-for") told.for.push(value);
    if (lower === "x-forwarded-proto") told.proto = value;
    if (lower === "x-forwarded-host") told.host = value;
    // `Connection: host` must not take away what the request is routed and framed by.
    const isFraming = lower === "host" || lower === "content-length";
    if ((drop.has(lower) && !isFraming) || forwarding.test(lower)) continue;
    if (lower === "cookie") {
      const kept = withoutOwnCookies(value, control.isOwnCookie);
      if (kept !== undefined) headers.push(name, kept);
      continue;
    }
    headers.push(name, value);
  }
  const { isTrustedProxy: isTrusted } = client;
  headers.push("X-Forwarded-For", [...(isTrusted ? told.for : []), client.address].join(", "));
  headers.push("X-Forwarded-Proto", isTrusted && /^https?$/.test(told.proto) ? told.proto : client.isEncrypted ? "https" : "http");
  headers.push("X-Forwarded-Host", isTrusted && told.host !== "" ? told.host : host);
  if (isChunked) headers.push("Transfer-Encoding", "chunked");
  return headers;
}

/** The instance's headers for the visitor. */
export function responseHeaders(raw: readonly string[], hostname: string, control: ControlPlane): string[] {
  const drop = dropped(raw);
  const headers: string[] = [];
  for (const [lower, name, value] of pairs(raw)) {
    if (drop.has(lower) && lower !== "content-length") continue;
    // It clears cookies of the whole site, the control plane's on a neighbouring name included.
    if (lower === "clear-site-data" && isSameSite(hostname, control.hostnames)) continue;
    const kept = lower === "set-cookie" ? filterSetCookie(value, control.isOwnCookie, control.hostnames) : value;
    if (kept !== undefined) headers.push(name, kept);
  }
  return headers;
}

const isSameSite = (hostname: string, others: readonly string[]): boolean => {
  const site = (name: string): string =>
    name === "localhost" || name.endsWith(".localhost") ? "localhost" : name.split(".").slice(-2).join(".");
  return others.some((other) => site(other) === site(hostname));
};

/** The path and query without tickets of ours. */
export function withoutTickets(url: string, isTicket: (value: string) => boolean): string {
  const at = url.indexOf("?");
  if (at === -1 || !url.includes("ticket")) return url;
  const kept = url
    .slice(at + 1)
    .split("&")
    .filter((part) => {
      if (!part.startsWith("ticket=")) return true;
      return !isTicket(part.slice("ticket=".length));
    });
  return kept.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${kept.join("&")}`;
}
