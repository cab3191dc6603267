/**
 * `/ws`: live events over a WebSocket, in the envelope of the seed system plus `seq`: `{type, appId, payload, seq}`.
 * `?after=<seq>` resumes; `?workspace=` narrows; what a client sends is read and dropped.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { EventLog } from "@norns/kernel/events";
import { renderError, requestIdFrom, type LiveStreams } from "@norns/kernel/http";
import type { Log } from "@norns/kernel/log";
import { toNornsError, unavailable } from "@norns/kernel/errors";
import { createAdmission, type AdmissionDeps, type Admitted } from "./admission.ts";
import { createFrameWriter } from "./frames.ts";
import { closeCodes, createEncoder, deliver, type ToSocketMessage } from "./deliver.ts";

export interface SocketsDeps extends AdmissionDeps {
  readonly events: EventLog;
  readonly streams: LiveStreams;
  readonly rooms: readonly ToSocketMessage[];
  readonly log: Log;
}

/** Where sockets are: the seed system's address, and the one below `/api`. Tried by everybody in every-route.test.ts. */
export const socketPaths: readonly string[] = ["/ws", "/api/ws/events"];

export interface Sockets {
  /** Takes the upgrade over: answers it with a socket or with an error. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly size: number;
  /** Closes all of them with 1001 and waits until they are gone, a second at most. */
  close(): Promise<void>;
}

/** What a client may send in one frame. It has nothing to say, so this is for pings and proxies' habits. */
const mostFrameBytes = 4 * 1024;
const mostSockets = 5_000;
const pingMs = 30_000;

export function createSockets(deps: SocketsDeps): Sockets {
  const admit = createAdmission(deps);
  const encode = createEncoder(deps.rooms);
  const write = createFrameWriter();
  // Compression would cost a zlib context of 300 KB a socket.
  const server = new WebSocketServer({ noServer: true, maxPayload: mostFrameBytes, perMessageDeflate: false, clientTracking: true });
  const answering = new Set<WebSocket>();
  let pings: NodeJS.Timeout | undefined;

  const startPings = () => {
    pings ??= setInterval(() => {
      for (const socket of server.clients) {
        if (!answering.delete(socket)) socket.terminate();
        else socket.ping();
      }
      if (server.clients.size > 0) return;
      clearInterval(pings);
      pings = undefined;
    }, pingMs);
    pings.unref();
  };

  const open = (socket: WebSocket, connection: Duplex, admitted: Admitted): void => {
    const ended = new AbortController();
    const stopListening = deps.streams.open(admitted.actor, (reason) => {
      ended.abort();
      socket.close(closeCodes[reason], reason);
      setTimeout(() => socket.terminate(), 1_000).unref();
    });
    answering.add(socket);
    startPings();
    socket.on("pong", () => answering.add(socket));
    // A frame that is too large or broken ends the socket with the code the protocol has for it; nothing else to do.
    socket.on("error", (error) => deps.log.debug({ error }, "A socket broke."));
    socket.on("close", () => {
      answering.delete(socket);
      stopListening();
      ended.abort();
    });
    void start(socket, connection, admitted, ended.signal);
  };

  /** Says where the log is, so that a client that came without `after` can come back with one. */
  const start = async (socket: WebSocket, connection: Duplex, { workspaces, after }: Admitted, signal: AbortSignal): Promise<void> => {
    try {
      const seq = after ?? (await deps.events.latest());
      socket.send(JSON.stringify({ type: "connected", appId: "", payload: { after: seq }, seq }));
      deliver({ socket, connection, write, events: deps.events, encode, workspaces, after: seq, signal });
    } catch (error) {
      deps.log.warn({ error }, "A socket could not be served.");
      socket.close(1011, toNornsError(error).code);
    }
  };

  return {
    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      const requestId = requestIdFrom(header(request, "x-request-id"));
      const refuse = (error: unknown) => {
        deps.log.info({ requestId, code: toNornsError(error).code }, "A socket was refused.");
        refuseUpgrade(socket, error, requestId);
      };
      if (server.clients.size >= mostSockets)
        return refuse(unavailable("too_many_sockets", "This server has as many sockets open as it can carry. Try again later."));
      admit(request).then((admitted) => {
        if (!socket.destroyed) server.handleUpgrade(request, socket, head, (made) => open(made, socket, admitted));
      }, refuse);
    },
    get size() {
      return server.clients.size;
    },
    async close() {
      clearInterval(pings);
      for (const socket of server.clients) socket.close(closeCodes.stopping, "the server stops");
      for (let waited = 0; server.clients.size > 0 && waited < 1_000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
};

/** An upgrade has no answer of its own: the error is written as plain HTTP and the connection ends. */
export function refuseUpgrade(socket: Duplex, thrown: unknown, requestId: string): void {
  const { status, headers, body } = renderError(thrown, { path: "/ws", requestId });
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
    "X-Request-Id": requestId,
    Connection: "close",
  });
  socket.end(
    `HTTP/1.1 ${status} ${statusText[status] ?? "Error"}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`,
  );
}

const statusText: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  421: "Misdirected Request",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};
