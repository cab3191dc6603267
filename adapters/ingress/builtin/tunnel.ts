/** WebSockets: the handshake goes to one instance, then bytes pass both ways until either side ends. */
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Route } from "../port.ts";
import { isAmbiguous, type ForwardDeps } from "./forward.ts";
import { requestHeaders, responseHeaders, withoutTickets } from "./headers.ts";
import { keyOf, type Connection } from "./instances.ts";
import { badGateway, badRequest, gatewayTimeout, noTarget, rawTrouble, type Trouble } from "./pages.ts";

export function tunnel(deps: ForwardDeps, req: IncomingMessage, socket: Duplex, head: Buffer, route: Route): void {
  const refuse = (trouble: Trouble): void => void (socket.writable && socket.end(rawTrouble(trouble)));
  // A visitor who goes away mid-handshake is an error event that, unheard, would end the server.
  socket.on("error", () => socket.destroy());
  const isWebSocket = req.method === "GET" && req.headers.upgrade?.toLowerCase() === "websocket";
  if (!isWebSocket || isAmbiguous(req)) return refuse(badRequest);

  const headers = [...requestHeaders(req.rawHeaders, deps.clientOf(req), deps.control), "Connection", "Upgrade", "Upgrade", "websocket"];
  const path = withoutTickets(req.url!, deps.control.isTicket);
  const tried = new Set<string>();
  let upstream: ClientRequest | undefined;
  socket.once("close", () => upstream?.destroy());

  const attempt = (): void => {
    if (socket.destroyed) return;
    const connection = deps.instances.pick(route.targets, tried);
    if (connection) send(connection);
    else refuse(tried.size > 0 ? badGateway(route.app) : noTarget(route.app, route.note));
  };

  const send = (connection: Connection): void => {
    const end = connection.begin();
    const state = { isConnected: false, isTimedOut: false };
    let sent: ClientRequest;
    try {
      const { host, port } = connection.target;
      sent = request({ host, port, method: "GET", path, headers, agent: false, setHost: false });
    } catch {
      end();
      return refuse(badRequest);
    }
    upstream = sent;
    sent.setTimeout(deps.answerTimeoutMs, () => {
      state.isTimedOut = true;
      sent.destroy();
    });
    sent.once("socket", (connecting) => connecting.once("connect", () => (state.isConnected = true)));
    sent.once("upgrade", (answer, instance, instanceHead) => {
      // From here on it is a pair of sockets: `close` of the request comes early, so the count hangs on the socket.
      instance.once("close", end);
      socket.write(handshakeOf(answer, route, deps));
      if (instanceHead.length > 0) socket.write(instanceHead);
      if (head.length > 0) instance.write(head);
      deps.tunnels.add(socket);
      socket.once("close", () => deps.tunnels.delete(socket));
      join(socket, instance);
    });
    sent.once("response", (answer) => {
      sent.once("close", end);
      answer.on("error", () => socket.destroy());
      socket.write(refusalOf(answer, route, deps));
      answer.pipe(socket);
    });
    sent.on("error", () => {
      end();
      if (upstream !== sent) return;
      upstream = undefined;
      if (state.isConnected || state.isTimedOut) return refuse(state.isTimedOut ? gatewayTimeout(route.app) : badGateway(route.app));
      tried.add(keyOf(connection.target));
      attempt();
    });
    sent.end();
  };

  attempt();
}

const lines = (answer: IncomingMessage, headers: readonly string[]): string => {
  let text = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? ""}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return `${text}\r\n`;
};

const handshakeOf = (answer: IncomingMessage, route: Route, deps: ForwardDeps): string =>
  lines(answer, [...responseHeaders(answer.rawHeaders, route.hostname, deps.control), "Connection", "Upgrade", "Upgrade", "websocket"]);

const refusalOf = (answer: IncomingMessage, route: Route, deps: ForwardDeps): string =>
  lines(answer, [...responseHeaders(answer.rawHeaders, route.hostname, deps.control), "Connection", "close"]);

function join(visitor: Duplex, instance: Socket): void {
  for (const socket of [visitor as Socket, instance]) {
    // Both are TCP or TLS sockets. Silence is normal on a WebSocket; only a dead peer is found out, by TCP itself.
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
  }
  instance.on("error", () => instance.destroy());
  instance.once("close", () => visitor.destroy());
  visitor.once("close", () => instance.destroy());
  visitor.pipe(instance);
  instance.pipe(visitor);
}
