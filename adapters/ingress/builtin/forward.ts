/** One HTTP request to one instance of the app, and its answer back. */
import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline, type Duplex } from "node:stream";
import type { Route } from "../port.ts";
import { requestHeaders, responseHeaders, withoutTickets, type Client, type ControlPlane } from "./headers.ts";
import { keyOf, type Connection, type Instances } from "./instances.ts";
import { badGateway, badRequest, gatewayTimeout, noTarget, sendTrouble } from "./pages.ts";

export interface ForwardDeps {
  readonly instances: Instances;
  readonly control: ControlPlane;
  /** Visitors' sockets of WebSockets, which no agent knows of: ended when the ingress closes. */
  readonly tunnels: Set<Duplex>;
  readonly clientOf: (req: IncomingMessage) => Client;
  /** From the last sign of life to the first byte of the answer. */
  readonly answerTimeoutMs: number;
  /** A visitor who takes nothing of a waiting answer for so long is let go. */
  readonly readerTimeoutMs: number;
}

/** May be sent twice without harm, and carries no body that would be spent by the first try. */
const isRepeatable = (req: IncomingMessage): boolean => !hasBody(req) && ["GET", "HEAD", "OPTIONS"].includes(req.method ?? "");
const hasBody = (req: IncomingMessage): boolean =>
  req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;

/** True when two readers could split or route the request differently: it is refused, not guessed at. */
export function isAmbiguous(req: IncomingMessage): boolean {
  const url = req.url ?? "";
  if (!url.startsWith("/") && !(url === "*" && req.method === "OPTIONS")) return true;
  let hosts = 0;
  for (let index = 0; index < req.rawHeaders.length; index += 2) if (req.rawHeaders[index]!.toLowerCase() === "host") hosts++;
  if (hosts !== 1) return true;
  const encoding = req.headers["transfer-encoding"];
  return encoding !== undefined && (req.headers["content-length"] !== undefined || encoding.toLowerCase() !== "chunked");
}

export function forward(deps: ForwardDeps, req: IncomingMessage, res: ServerResponse, route: Route): void {
  if (isAmbiguous(req)) return sendTrouble(req, res, badRequest);
  const headers = requestHeaders(req.rawHeaders, deps.clientOf(req), deps.control);
  const path = withoutTickets(req.url!, deps.control.isTicket);
  const tried = new Set<string>();
  let upstream: ClientRequest | undefined;
  let staleTries = 0;

  res.once("close", () => {
    if (!res.writableFinished) upstream?.destroy();
  });
  res.setTimeout(deps.readerTimeoutMs, () => {
    if (res.writableLength > 0) res.destroy();
  });

  const attempt = (): void => {
    if (res.destroyed) return;
    const connection = deps.instances.pick(route.targets, tried);
    if (!connection) return sendTrouble(req, res, tried.size > 0 ? badGateway(route.app) : noTarget(route.app, route.note));
    send(connection);
  };

  const send = (connection: Connection): void => {
    const end = connection.begin();
    const state = { isConnected: false, hasAnswered: false, isTimedOut: false };
    let sent: ClientRequest;
    try {
      const { host, port } = connection.target;
      // A kept connection may be closing at the other end in this very moment. What cannot be repeated gets a new one, on
      // which the instance is not told that it is the last use: told so, many close with the upload unread, and the
      // reset that follows takes their answer away.
      const use = isRepeatable(req)
        ? { agent: connection.agent, headers }
        : { agent: false, headers: [...headers, "Connection", "keep-alive"] };
      sent = request({ host, port, method: req.method, path, ...use, setHost: false });
    } catch {
      // Node refuses a path or a header that it would not have sent itself.
      end();
      return sendTrouble(req, res, badRequest);
    }
    upstream = sent;
    sent.once("close", end);
    sent.setTimeout(deps.answerTimeoutMs, () => {
      if (state.hasAnswered) return;
      state.isTimedOut = true;
      sent.destroy();
    });
    // The body starts only on a live connection, so that a refused one costs nothing and another instance can have it.
    sent.once("socket", (socket) => {
      const start = () => {
        state.isConnected = true;
        if (hasBody(req)) req.pipe(sent);
        else sent.end();
      };
      if (socket.connecting) socket.once("connect", start);
      else start();
    });
    sent.once("response", (answer) => {
      state.hasAnswered = true;
      relay(answer);
    });
    sent.on("error", () => {
      end();
      // Once it has answered, what becomes of the answer is `relay`'s: an app may refuse an upload before it has read it.
      if (state.hasAnswered || res.destroyed || upstream !== sent) return;
      if (!state.isConnected && !state.isTimedOut) {
        tried.add(keyOf(connection.target));
        upstream = undefined;
        return attempt();
      }
      // The instance closed a kept connection in the moment we used it again: nothing was lost, and a new one is opened.
      if (!state.isTimedOut && sent.reusedSocket && isRepeatable(req) && ++staleTries <= 2) {
        upstream = undefined;
        return attempt();
      }
      sendTrouble(req, res, state.isTimedOut ? gatewayTimeout(route.app) : badGateway(route.app));
    });
  };

  const relay = (answer: IncomingMessage): void => {
    if (res.destroyed || res.headersSent) return void answer.destroy();
    try {
      const status = answer.statusCode ?? 0;
      if (status < 200) throw new RangeError("not a final status");
      const headers = responseHeaders(answer.rawHeaders, route.hostname, deps.control);
      // The rest of an unread body would be taken for the next request.
      if (!req.complete) headers.push("Connection", "close");
      res.writeHead(status, answer.statusMessage ?? "", headers);
    } catch {
      // What the app sent cannot be sent on: a status or a header that HTTP does not know.
      answer.destroy();
      return sendTrouble(req, res, badGateway(route.app));
    }
    // An answer of unknown length may be a stream whose first event is a long way off: the visitor is told it is open.
    if (answer.headers["content-length"] === undefined) res.flushHeaders();
    pipeline(answer, res, (error) => {
      // Broken off in the middle: the visitor must see that too, not a complete-looking answer.
      if (error) res.destroy();
      // Answered before the upload was through, as a refusal is: nobody wants the rest.
      else if (!req.complete) upstream?.destroy();
    });
  };

  attempt();
}
