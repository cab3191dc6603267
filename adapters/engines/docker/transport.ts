/**
 * The Docker daemon's HTTP interface over its Unix socket, as much of it as the engine needs: calls that answer JSON,
 * and streams (events, logs, attach, build). Own client and no dockerode: docs/decisions/0003-own-docker-client.md.
 */
import http, { type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { NornsError, unavailable } from "@norns/kernel/errors";

export interface CallOptions {
  /** An absent value is left out; objects travel as JSON, as the daemon wants its filters. */
  readonly query?: Readonly<Record<string, string | number | boolean | object | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface Daemon {
  /** The answer's JSON; undefined when it has none. Throws DaemonRefusal on 4xx and 5xx, `docker_unavailable` when nobody answers. */
  call<T = undefined>(method: "GET" | "POST" | "DELETE", path: string, options?: CallOptions): Promise<T>;
  /** The answer's body as it comes. Ends the exchange when the signal aborts; has no time-out of its own. */
  stream(
    method: "GET" | "POST",
    path: string,
    options: CallOptions & { readonly upload?: Readable; readonly signal: AbortSignal },
  ): Promise<IncomingMessage>;
  close(): void;
}

/** The daemon answered, and said no. `status` is what the engine branches on. */
export class DaemonRefusal extends NornsError {
  readonly status: number;
  constructor(status: number, message: string) {
    super("unavailable", "docker_failed", `Docker answered ${status}: ${message}`);
    this.status = status;
  }
}

export const isRefusal = (thrown: unknown, ...statuses: number[]): boolean =>
  thrown instanceof DaemonRefusal && statuses.includes(thrown.status);

/** The version that this client was written against; a daemon that no longer speaks it names its oldest one. */
const wantedVersion = "1.41";

export function createDaemon(socketPath: string): Daemon {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 4 });
  let version: Promise<string> | undefined;

  async function negotiated(): Promise<string> {
    version ??= send("GET", "/version", {}, "").then(async (answer) => {
      const said = (await readJson(answer)) as { ApiVersion?: string; MinAPIVersion?: string };
      return isOlder(wantedVersion, said.MinAPIVersion ?? "0")
        ? said.MinAPIVersion!
        : isOlder(said.ApiVersion ?? wantedVersion, wantedVersion)
          ? said.ApiVersion!
          : wantedVersion;
    });
    try {
      return await version;
    } catch (thrown) {
      version = undefined;
      throw thrown;
    }
  }

  async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    try {
      const answer = await send(method, path, { ...options, signal }, `/v${await negotiated()}`);
      return (await readJson(answer)) as T; // The daemon's documented shape; what is read of it is read with care.
    } catch (thrown) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (timeout.aborted)
        throw unavailable("docker_unavailable", "The Docker daemon did not answer in time. Is the machine overloaded?", { cause: thrown });
      throw thrown;
    }
  }

  async function stream(
    method: string,
    path: string,
    options: CallOptions & { upload?: Readable; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    return send(method, path, { ...options, isStream: true }, `/v${await negotiated()}`);
  }

  async function send(
    method: string,
    path: string,
    options: CallOptions & { upload?: Readable; isStream?: boolean },
    prefix: string,
  ): Promise<IncomingMessage> {
    options.signal?.throwIfAborted();
    for (let tries = 0; ; tries++) {
      try {
        return await sendOnce(method, `${prefix}${path}${queryOf(options.query)}`, options);
      } catch (thrown) {
        // A kept connection that the daemon closed meanwhile (it restarted): nothing was answered, so ask once more.
        if (!(thrown instanceof StaleConnection) || tries > 0) throw thrown instanceof StaleConnection ? thrown.cause : thrown;
      }
    }
  }

  function sendOnce(
    method: string,
    path: string,
    options: CallOptions & { upload?: Readable; isStream?: boolean },
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers: Record<string, string> = options.upload
      ? { "content-type": "application/x-tar" }
      : body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": `${Buffer.byteLength(body)}` };
    const request = http.request({
      socketPath,
      method,
      path,
      headers: { host: "docker", ...headers },
      agent: options.isStream ? false : agent,
      ...(options.signal ? { signal: options.signal } : {}),
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (options.signal?.aborted) return reject(options.signal.reason);
      const known = unreachable(error);
      reject(request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE") ? new StaleConnection(known) : known);
    });
    request.on("response", (answer) => {
      if ((answer.statusCode ?? 500) < 400) return resolve(answer);
      readText(answer).then((text) => reject(new DaemonRefusal(answer.statusCode ?? 500, messageIn(text))), reject);
    });
    if (options.upload) options.upload.on("error", (error) => request.destroy(error)).pipe(request);
    else request.end(body);
    return promise;
  }

  return { call, stream, close: () => agent.destroy() };
}

class StaleConnection extends Error {
  constructor(cause: unknown) {
    super("stale", { cause });
  }
}

function unreachable(error: NodeJS.ErrnoException): NornsError {
  const why: Record<string, string> = {
    ENOENT: "There is no Docker daemon on this machine. Install Docker, or start it (systemctl start docker).",
    ECONNREFUSED: "The Docker daemon is not running. Start it (systemctl start docker).",
    EACCES: "This user may not talk to the Docker daemon. Add it to the group docker, then start Norns again.",
  };
  return unavailable("docker_unavailable", why[error.code ?? ""] ?? "The connection to the Docker daemon broke. It may be restarting.", {
    cause: error,
  });
}

function queryOf(query: CallOptions["query"]): string {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return "";
  return `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, typeof value === "object" ? JSON.stringify(value) : String(value)])).toString()}`;
}

async function readText(answer: IncomingMessage, limit = 64 * 1024 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw unavailable("docker_failed", "Docker's answer is longer than Norns reads.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function readJson(answer: IncomingMessage): Promise<unknown> {
  const text = await readText(answer).catch((error: NodeJS.ErrnoException) => {
    throw error instanceof NornsError ? error : unreachable(error);
  });
  if (text === "" || !(answer.headers["content-type"] ?? "").includes("json")) return undefined;
  return JSON.parse(text);
}

function messageIn(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message).trim().slice(0, 2000);
  } catch {
    // Not JSON: a proxy or an old daemon wrote plain text, which is shown as it is.
  }
  return text.trim().slice(0, 2000);
}

const isOlder = (one: string, other: string): boolean => one.localeCompare(other, "en", { numeric: true }) < 0;

/** Lines of JSON, as `events` and `build` send them. */
export async function* jsonLines<T>(body: AsyncIterable<Buffer>): AsyncGenerator<T> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as T; // The daemon's documented shape.
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as T;
}

export interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly payload: Buffer;
}

/**
 * Takes apart what the daemon sends of a container without a terminal: frames of `stream, 0, 0, 0, length (4 bytes, big
 * endian), payload`. Answers all frames of a piece at once, because the caller writes them together.
 */
export async function* frames(body: AsyncIterable<Buffer>): AsyncGenerator<readonly Frame[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const found: Frame[] = [];
    let at = 0;
    while (rest.length - at >= 8) {
      const length = rest.readUInt32BE(at + 4);
      if (rest.length - at - 8 < length) break;
      found.push({ stream: rest[at] === 2 ? "stderr" : "stdout", payload: rest.subarray(at + 8, at + 8 + length) });
      at += 8 + length;
    }
    rest = rest.subarray(at);
    if (found.length > 0) yield found;
  }
}
