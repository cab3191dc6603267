/**
 * The one way out to addresses that a user gave: webhooks, repositories, registries. A name is resolved once, the answer
 * is judged, and the connection goes to exactly the address that was judged: a name that answers differently the second
 * time (DNS rebinding) gains nothing. Each redirect starts over. Bodies and time are bounded; no proxy of the environment
 * is used, because a proxy would resolve the name again on its own.
 */
import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { invalid, NornsError, unavailable } from "@norns/kernel/errors";
import { isAddress, parseNetworks, refusalOf } from "./addresses.ts";

export interface PinnedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface OutboundInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Whole exchange, redirects included; 30 s when absent. */
  readonly timeoutMs?: number;
  /** Longest answer taken; 8 MiB when absent. A longer one is an error, never a cut. */
  readonly maxBytes?: number;
  /** How many redirects are followed; 5 when absent. With 0 the redirect itself is the answer. */
  readonly redirects?: number;
}

export interface Outbound {
  /**
   * Sends one request. `address_refused` and `url_refused` (invalid), `address_unknown`, `outbound_failed` and
   * `outbound_timed_out` (unavailable), `outbound_too_large` (invalid).
   *
   *     const answer = await outbound.fetch("https://hooks.example.com/x", { method: "POST", body: "{}" });
   */
  fetch(url: string | URL, init?: OutboundInit): Promise<Response>;
  /** Resolves a host name once and answers the address to connect to, judged; for programs that connect themselves (git, ssh). */
  pin(hostname: string, signal?: AbortSignal): Promise<PinnedAddress>;
}

export interface OutboundOptions {
  /** `NORNS_ALLOWED_NETWORKS`: networks that may be reached although they are not public. Empty by default. */
  readonly allowedNetworks: readonly string[];
  /** How a name becomes addresses; the system's resolver when absent. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** Extra certificate authorities for https, PEM. */
  readonly certificateAuthorities?: readonly string[];
}

const systemResolve = async (hostname: string): Promise<readonly string[]> =>
  (await lookup(hostname, { all: true, order: "ipv4first" })).map((answer) => answer.address);

export function createOutbound(options: OutboundOptions): Outbound {
  const allowed = parseNetworks(options.allowedNetworks);
  const resolve = options.resolve ?? systemResolve;

  async function pin(hostname: string, signal?: AbortSignal): Promise<PinnedAddress> {
    signal?.throwIfAborted();
    const bare = hostname.replace(/^\[|\]$/g, "");
    const addresses = isAddress(bare) ? [bare] : await resolved(bare, signal);
    // One refused answer refuses the name: a name that mixes public and private addresses is an attack or a mistake.
    for (const address of addresses) {
      const refusal = refusalOf(address, allowed);
      if (refusal !== undefined) {
        throw invalid(
          "address_refused",
          `${bare} leads to ${address} (${refusal}), which Norns does not call. If that is meant, add the network to NORNS_ALLOWED_NETWORKS.`,
          { details: { hostname: bare, address, range: refusal } },
        );
      }
    }
    const address = addresses[0]!;
    return { address, family: address.includes(":") ? 6 : 4 };
  }

  async function resolved(hostname: string, signal?: AbortSignal): Promise<readonly string[]> {
    try {
      const answers = await abortable(resolve(hostname), signal);
      if (answers.length > 0) return answers;
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw unavailable("address_unknown", `${hostname} could not be resolved to an address. Check the name, or try again later.`, {
        cause,
      });
    }
    throw unavailable("address_unknown", `${hostname} has no address. Check the name.`);
  }

  async function fetch(input: string | URL, init: OutboundInit = {}): Promise<Response> {
    const timeoutMs = init.timeoutMs ?? 30_000;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = init.signal === undefined ? timeout : AbortSignal.any([init.signal, timeout]);
    let url = checkedUrl(input);
    let request: Request = { method: (init.method ?? "GET").toUpperCase(), headers: lowerCased(init.headers ?? {}), body: init.body };
    try {
      for (let left = init.redirects ?? 5; ; left--) {
        const pinned = await pin(url.hostname, signal);
        const answer = await exchange(url, pinned, request, {
          signal,
          maxBytes: init.maxBytes ?? 8 * 1024 * 1024,
          ca: options.certificateAuthorities,
        });
        const location = answer.headers.get("location");
        if (![301, 302, 303, 307, 308].includes(answer.status) || location === null || init.redirects === 0) return answer;
        if (left <= 0) throw unavailable("outbound_failed", `${url.host} redirects too often.`);
        const next = checkedUrl(new URL(location, url));
        request = redirected(request, answer.status, next.origin === url.origin);
        url = next;
      }
    } catch (thrown) {
      if (thrown instanceof NornsError) throw thrown;
      if (init.signal?.aborted) throw init.signal.reason;
      if (timeout.aborted)
        throw unavailable("outbound_timed_out", `${url.host} did not answer within ${timeoutMs / 1000} s.`, { cause: thrown });
      throw unavailable("outbound_failed", `${url.host} could not be reached: ${reasonOf(thrown)}.`, { cause: thrown });
    }
  }

  return { fetch, pin };
}

interface Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

function checkedUrl(input: string | URL): URL {
  // `new URL` turns every spelling of an IPv4 address (decimal, hex, octal, short) into the four-part one that is judged.
  const url = URL.parse(String(input));
  if (url === null) throw invalid("url_refused", "That is not a complete URL. It begins with https:// or http://.");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw invalid("url_refused", `A URL with ${url.protocol} is not called; https:// and http:// are.`);
  if (url.username !== "" || url.password !== "")
    throw invalid("url_refused", "A URL that carries a user name or password is not called. Give the credential in its own field.");
  return url;
}

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** What the second hop is sent: no body after 301–303, and never a credential to another origin. */
function redirected(request: Request, status: number, isSameOrigin: boolean): Request {
  const headers = { ...request.headers };
  delete headers["host"];
  if (!isSameOrigin) for (const name of Object.keys(headers)) if (!plainHeaders.has(name)) delete headers[name];
  if (status === 307 || status === 308 || request.method === "GET" || request.method === "HEAD") return { ...request, headers };
  delete headers["content-type"];
  delete headers["content-length"];
  return { method: "GET", headers, body: undefined };
}

/** Another origin gets these and nothing else: a signature or token header of a caller may have any name. */
const plainHeaders = new Set(["accept", "accept-language", "content-type", "content-length", "user-agent"]);

function exchange(
  url: URL,
  pinned: PinnedAddress,
  request: Request,
  limits: { signal: AbortSignal; maxBytes: number; ca: readonly string[] | undefined },
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const agent =
    url.protocol === "https:"
      ? new https.Agent({ keepAlive: false, ...(limits.ca ? { ca: [...limits.ca] } : {}) })
      : new http.Agent({ keepAlive: false });
  const outgoing = (url.protocol === "https:" ? https : http).request(url, {
    method: request.method,
    headers: { "user-agent": "norns", ...request.headers, host: url.host, "accept-encoding": "identity" },
    agent,
    // The connection goes to the judged address; the name stays in Host and in the certificate check.
    lookup: (_hostname, wanted, answer) =>
      typeof wanted === "object" && wanted.all === true
        ? answer(null, [{ address: pinned.address, family: pinned.family }])
        : answer(null, pinned.address, pinned.family),
    signal: limits.signal,
    maxHeaderSize: 32 * 1024,
  });
  outgoing.on("error", reject);
  outgoing.on("response", (incoming) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("error", reject);
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limits.maxBytes) return void chunks.push(chunk);
      reject(invalid("outbound_too_large", `${url.host} answered with more than ${limits.maxBytes} bytes.`));
      outgoing.destroy();
    });
    incoming.on("end", () => {
      const status = incoming.statusCode ?? 502;
      const headers = new Headers();
      for (let index = 0; index < incoming.rawHeaders.length; index += 2)
        headers.append(incoming.rawHeaders[index]!, incoming.rawHeaders[index + 1]!);
      const isBodiless = status === 204 || status === 205 || status === 304;
      resolve(new Response(isBodiless ? null : Buffer.concat(chunks), { status, headers }));
    });
  });
  outgoing.end(request.body);
  return promise.finally(() => agent.destroy());
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (code === "ECONNREFUSED") return "the connection was refused";
  if (code === "ECONNRESET") return "the connection was closed";
  if (code === "ETIMEDOUT" || code === "EHOSTUNREACH" || code === "ENETUNREACH") return "there is no way to that address";
  if (code.startsWith("CERT_") || code.includes("CERT") || code.startsWith("ERR_TLS")) return "its certificate is not valid";
  return code === "" ? "the exchange failed" : code;
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
