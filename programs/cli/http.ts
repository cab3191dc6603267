/**
 * HTTP for a short-lived command. `process.getBuiltinModule` instead of an import, and no `fetch`: an ESM import of
 * node:http costs 30 ms at start, fetch another 40.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Readable } from "node:stream";
import type { Connection } from "./connection.ts";
import { CommandError, exitCodes, type ExitCode } from "./exit.ts";

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** A stream is sent as it comes; when the server answers before its end, the rest is not read. */
  readonly body?: string | Readable | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const biggestAnswer = 64 * 1024 * 1024;

export function open(connection: Connection, request: HttpRequest): Promise<IncomingMessage> {
  const url = new URL(request.path, connection.url);
  // Some paths come from an answer (the next page): none of them takes the token elsewhere.
  if (url.origin !== new URL(connection.url).origin)
    return Promise.reject(
      new CommandError(
        exitCodes.failed,
        "other_address",
        `The path leads to another address than ${connection.url}; nothing was sent there.`,
      ),
    );
  const { request: send } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
  // Neither Node nor glibc resolves names under localhost everywhere: connect to the address and send the name.
  const isLocalName = url.hostname === "localhost" || url.hostname.endsWith(".localhost");
  const options: RequestOptions = {
    method: request.method,
    host: isLocalName ? "127.0.0.1" : url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    path: url.pathname + url.search,
    headers: {
      host: url.host,
      accept: "application/json",
      ...(connection.token ? { authorization: `Bearer ${connection.token}` } : {}),
      ...(typeof request.body === "string"
        ? { "content-type": "application/json", "content-length": Buffer.byteLength(request.body) }
        : {}),
      ...request.headers,
    },
    ...(request.signal ? { signal: request.signal } : {}),
  };
  return new Promise((resolve, reject) => {
    const sent = send(options, resolve);
    if (request.timeoutMs)
      sent.setTimeout(request.timeoutMs, () => sent.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })));
    sent.on("error", (error: NodeJS.ErrnoException) => reject(request.signal?.aborted ? error : unreachable(connection, error)));
    if (typeof request.body === "object") sendStream(sent, request.body);
    else sent.end(request.body);
  });
}

/** A refusal in the middle (too large) is an answer like any other: it is read, and nothing more is sent. */
function sendStream(sent: ClientRequest, body: Readable): void {
  sent.once("response", () => {
    body.unpipe(sent);
    if (!sent.writableEnded) sent.once("close", () => body.destroy());
  });
  body.once("error", (error) => sent.destroy(error));
  body.pipe(sent);
}

export async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > biggestAnswer) throw new CommandError(exitCodes.failed, "answer_too_large", "The server's answer is larger than 64 MB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export async function sendJson(connection: Connection, request: HttpRequest): Promise<unknown> {
  const message = await open(connection, { timeoutMs: 30_000, ...request });
  const text = await readText(message);
  if (!isSuccess(message)) throw refusal(connection, message, text);
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError(exitCodes.unreachable, "not_norns", `What answers at ${connection.url} is not Norns.`, {
      hint: "Check --url or NORNS_URL.",
    });
  }
}

export const isSuccess = (message: IncomingMessage): boolean => (message.statusCode ?? 0) >= 200 && (message.statusCode ?? 0) < 300;

/** What a refused request becomes: the server's own words, and an exit code by status. */
export function refusal(connection: Connection, message: IncomingMessage, text: string): CommandError {
  const status = message.statusCode ?? 0;
  let body: { error?: unknown; code?: unknown; requestId?: unknown } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // An answer that is not JSON still has its status.
  }
  const nested =
    typeof body.error === "object" && body.error !== null
      ? (body.error as { message?: unknown; code?: unknown; requestId?: unknown })
      : { message: body.error, code: body.code, requestId: body.requestId };
  const says = typeof nested.message === "string" ? nested.message : `The server answered ${status}.`;
  const hint =
    status === 401
      ? connection.token
        ? "The token was refused: `norns login` makes a new one."
        : "`norns login` signs in; on the server's own machine run it as the same user."
      : undefined;
  return new CommandError(exitOfStatus(status), typeof nested.code === "string" ? nested.code : `http_${status}`, says, {
    ...(hint ? { hint } : {}),
    requestId: typeof nested.requestId === "string" ? nested.requestId : undefined,
  });
}

/** By the kind behind the status (docs/errors.md): what is wrong with the request itself is a matter of usage. */
export function exitOfStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.notAllowed;
  if (status === 404) return exitCodes.notFound;
  if ([400, 405, 413, 415, 421, 422].includes(status)) return exitCodes.usage;
  if ([408, 502, 503, 504].includes(status)) return exitCodes.unreachable;
  return exitCodes.failed;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the name is not known",
  ETIMEDOUT: "it did not answer in time",
  ECONNRESET: "it closed the connection without an answer",
  EPIPE: "it closed the connection without an answer",
};

function unreachable(connection: Connection, error: NodeJS.ErrnoException): CommandError {
  const why = reasons[error.code ?? ""] ?? error.message;
  return new CommandError(exitCodes.unreachable, "unreachable", `No Norns at ${connection.url} (from ${connection.from}): ${why}.`, {
    hint: "`npm start` in the Norns checkout starts it; --url or NORNS_URL names another.",
  });
}
