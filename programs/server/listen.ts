/**
 * The HTTP server of Node in front of the router: decides by Host between control plane and apps, hands upgrades to our
 * sockets or to the ingress, and stops without cutting anybody off.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { ServingIngress } from "@norns/adapters/ingress";
import { conflict, invalid, notFound } from "@norns/kernel/errors";
import { misdirected, parseHost, requestIdFrom, type ControlPlaneHosts, type Router } from "@norns/kernel/http";
import type { Log } from "@norns/kernel/log";
import { refuseUpgrade, socketPaths, type Sockets } from "./sockets/index.ts";

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly router: Router;
  readonly hosts: ControlPlaneHosts;
  readonly ingress: ServingIngress;
  readonly sockets: Sockets;
  readonly log: Log;
}

export interface Listening {
  /** `http://127.0.0.1:8800`, with the port that was really taken. */
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, waits for requests in flight until the signal, then closes what is left. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Throws `conflict` / `port_in_use` and `invalid` / `address_unusable`. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { router, hosts, ingress, sockets, log } = options;
  // Our own names first: no app can take the control plane's by declaring it as an endpoint.
  const isApp = (request: IncomingMessage): boolean => {
    const host = parseHost(request.headers.host);
    return !(host && hosts.has(host)) && ingress.handles(request.headers.host);
  };
  const answer = getRequestListener(router.fetch as never, { overrideGlobalObjects: true });
  const server = createServer(
    {
      // A slow sender of headers holds a connection, and nothing else, for 15 s.
      headersTimeout: 15_000,
      // Bodies are bounded in time by their routes (30 s, uploads 15 min); this ends the connections of those that hang.
      requestTimeout: 20 * 60_000,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 32 * 1024,
      // `curl --http2` offers h2c beside its request: an offer that is not taken up is an ordinary request.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
    },
    (request: IncomingMessage, response: ServerResponse) => {
      if (isApp(request)) ingress.handle(request, response);
      else void answer(request, response);
    },
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isApp(request)) return ingress.upgrade(request, socket, head);
    const host = parseHost(request.headers.host);
    const requestId = requestIdFrom(undefined);
    socket.on("error", () => socket.destroy());
    if (!host || !hosts.has(host)) return refuseUpgrade(socket, misdirected(host?.name), requestId);
    const path = request.url?.split("?")[0];
    if (path !== undefined && socketPaths.includes(path)) return sockets.upgrade(request, socket, head);
    refuseUpgrade(socket, notFound("not_found", "There is no socket at this address."), requestId);
  });
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  });

  await bind(server, options);
  const { port } = server.address() as AddressInfo;
  return { url: urlOf(options.address, port), port, stop: (signal) => stop(server, signal, log) };
}

function bind(server: Server, { address, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        return reject(
          conflict("port_in_use", `Port ${port} of ${address} is taken. Stop what listens there, or set NORNS_PORT to a free one.`, {
            cause: error,
          }),
        );
      reject(
        invalid("address_unusable", `Norns cannot listen on ${address}:${port} (${error.code}). Check NORNS_BIND_ADDR and NORNS_PORT.`, {
          cause: error,
        }),
      );
    });
    server.listen({ host: address, port, backlog: 1024 }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

/** A person's address of the server: the wildcard is reached through loopback. */
export function urlOf(address: string, port: number): string {
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function stop(server: Server, signal: AbortSignal, log: Log): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A connection becomes idle when its answer is through; keep-alive would hold it open for another minute.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = () => {
    log.warn({}, "Requests were still in flight when the time was up; their connections are cut.");
    server.closeAllConnections();
  };
  signal.addEventListener("abort", cut, { once: true });
  await closed;
  signal.removeEventListener("abort", cut);
  clearInterval(sweep);
}
