import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@norns/kernel/clock";
import { parseHost } from "@norns/kernel/http";
import type { InstanceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Route, ServingIngress } from "../port.ts";
import { ownCookies } from "./cookies.ts";
import { forward, type ForwardDeps } from "./forward.ts";
import { createInstances } from "./instances.ts";
import { rawTrouble, sendTrouble, unknownHost } from "./pages.ts";
import { tunnel } from "./tunnel.ts";

export interface IngressLimits {
  /** Requests at once to one instance; above it the next instance, then 503. */
  readonly maxInFlight: number;
  /** Idle connections kept to one instance, and how long. Shorter than what servers commonly keep, so that we close first. */
  readonly maxIdle: number;
  readonly idleMs: number;
  /** Without a sign of life before the answer begins: 504. */
  readonly answerTimeoutMs: number;
  /** A visitor who reads nothing of a waiting answer for so long is let go. */
  readonly readerTimeoutMs: number;
}

export const ingressLimits: IngressLimits = {
  maxInFlight: 1024,
  maxIdle: 64,
  idleMs: 4_000,
  answerTimeoutMs: 120_000,
  readerTimeoutMs: 120_000,
};

export interface BuiltinIngressOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Cookies of the control plane: `session` covers `__Host-session` too; `norns.*` covers all that begin so. */
  readonly controlCookieNames: readonly string[];
  /** Host names of the control plane, without ports. `localhost` is always one. */
  readonly controlHostnames?: readonly string[];
  /** Whether the value of a query parameter `ticket` is one of ours: 32 random bytes in base64url, unless said. */
  readonly isTicket?: (value: string) => boolean;
  /** Whether forwarding headers of a connection from this address are believed. Nobody is, unless said. */
  readonly isTrustedProxy?: (address: string) => boolean;
  readonly limits?: Partial<IngressLimits>;
}

/**
 * The ingress inside the server: names to healthy instances, over HTTP/1.1 and WebSocket.
 *
 * @example
 * const ingress = createBuiltinIngress({ log, clock, controlCookieNames: ["norns"] });
 * server.on("request", (req, res) => (ingress.handles(req.headers.host) ? ingress.handle(req, res) : ours(req, res)));
 */
export function createBuiltinIngress(options: BuiltinIngressOptions): ServingIngress {
  const limits = { ...ingressLimits, ...options.limits };
  const instances = createInstances({
    keepAlive: true,
    maxSockets: limits.maxInFlight,
    maxFreeSockets: limits.maxIdle,
    timeout: limits.idleMs,
    scheduling: "lifo",
    maxInFlight: limits.maxInFlight,
  });
  const tunnels = new Set<Duplex>();
  const deps: ForwardDeps = {
    instances,
    tunnels,
    control: {
      isOwnCookie: ownCookies(options.controlCookieNames),
      hostnames: ["localhost", ...(options.controlHostnames ?? []).map((name) => name.toLowerCase())],
      isTicket: options.isTicket ?? ((value) => /^[A-Za-z0-9_-]{43}$/.test(value)),
    },
    clientOf: (req: IncomingMessage) => {
      const address = req.socket.remoteAddress ?? "";
      return { address, isEncrypted: "encrypted" in req.socket, isTrustedProxy: options.isTrustedProxy?.(address) ?? false };
    },
    answerTimeoutMs: limits.answerTimeoutMs,
    readerTimeoutMs: limits.readerTimeoutMs,
  };
  /** Replaced whole: a request looks once and keeps the route that it found. */
  let table: ReadonlyMap<string, Route> = new Map();
  const find = (host: string | undefined): Route | undefined => {
    const parsed = parseHost(host);
    return parsed && table.get(parsed.name);
  };

  /** Waits for `isOver`, asked again whenever something came to nothing in flight. False when the time was up first. */
  const untilIdle = async (isOver: () => boolean, timeoutMs: number): Promise<boolean> => {
    if (isOver()) return true;
    const stop = new AbortController();
    const forget = instances.onIdle(() => {
      if (isOver()) stop.abort();
    });
    try {
      await options.clock.sleep(timeoutMs, stop.signal);
      return isOver();
    } catch (error) {
      if (stop.signal.aborted) return true;
      throw error;
    } finally {
      forget();
    }
  };

  return {
    name: "builtin",
    setRoutes(routes) {
      table = new Map(routes.map((route) => [route.hostname, route]));
      instances.retain(routes.flatMap((route) => route.targets));
    },
    async drained(instance: InstanceId, timeoutMs: number) {
      if (await untilIdle(() => instances.inFlight(instance) === 0, timeoutMs)) return;
      options.log.info(
        { instance, inFlight: instances.inFlight(instance) },
        "An instance is stopped with requests still in flight: the drain time is up.",
      );
    },
    handles: (host) => find(host) !== undefined,
    handle(req, res) {
      const route = find(req.headers.host);
      if (route) forward(deps, req, res, route);
      else sendTrouble(req, res, unknownHost);
    },
    upgrade(req, socket, head) {
      const route = find(req.headers.host);
      if (route) tunnel(deps, req, socket, head, route);
      else socket.end(rawTrouble(unknownHost));
    },
    async close(timeoutMs) {
      table = new Map();
      instances.retain([]);
      await untilIdle(() => instances.totalInFlight() === 0, timeoutMs);
      for (const socket of tunnels) socket.destroy();
      instances.destroy();
    },
  };
}
