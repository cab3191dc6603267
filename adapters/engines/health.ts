/**
 * Looks at one instance from outside, at exactly the address its engine gave: nothing in an answer (a redirect, a host
 * name) leads the probe anywhere else.
 */
import { request } from "node:http";
import { connect } from "node:net";
import type { HealthCheck } from "./workload.ts";

/** What one look saw. Kept with a deployment, so that a failure can be understood afterwards. */
export interface HealthEvidence {
  readonly healthy: boolean;
  /** HTTP status; absent when there was no answer or the check is a TCP connect. */
  readonly status?: number;
  /** The first 2 KB of the answer's body, as text. */
  readonly body?: string;
  /** Why there was no answer: `connection refused`, `no answer within 5 s`. */
  readonly error?: string;
  readonly durationMs: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type Seen = Pick<HealthEvidence, "healthy" | "status" | "body" | "error">;

const maxBodyBytes = 2048;

/**
 * One look: an HTTP GET when the check has a path (2xx and 3xx are healthy, a redirect is not followed), else a TCP
 * connect. Never throws for what the instance does; an abort of the signal ends it at once with the abort as error.
 *
 *     await probeOnce({ host: "127.0.0.1", port: 20001 }, { path: "/health", timeoutMs: 5000 }, signal)
 */
export async function probeOnce(
  address: { readonly host: string; readonly port: number },
  check: Pick<HealthCheck, "path" | "timeoutMs">,
  signal: AbortSignal,
): Promise<HealthEvidence> {
  const at = Date.now();
  const begin = performance.now();
  const seen =
    check.path === undefined ? await dial(address, check.timeoutMs, signal) : await get(address, check.path, check.timeoutMs, signal);
  return { ...seen, durationMs: Math.round(performance.now() - begin), at };
}

function get(
  address: { readonly host: string; readonly port: number },
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Seen> {
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    // Once a status has arrived: a body that breaks off or drags on changes nothing about it.
    let settleWithStatus: (() => void) | null = null;
    const fail = (error: unknown) => {
      if (settleWithStatus && !signal.aborted) settleWithStatus();
      else resolve({ healthy: false, error: toReason(error, signal, timeoutMs) });
    };
    try {
      const sent = request(
        {
          host: address.host,
          port: address.port,
          // What may not stand in a request line is encoded; what is encoded already stays as it is.
          path: (path.startsWith("/") ? path : `/${path}`).replaceAll(/[^\u0021-\u007e]/gu, encodeURIComponent),
          method: "GET",
          agent: false,
          signal: limit,
          headers: { "user-agent": "norns-health", accept: "*/*", connection: "close" },
        },
        (answer) => {
          const status = answer.statusCode ?? 0;
          const chunks: Buffer[] = [];
          let length = 0;
          const finish = () => {
            resolve({
              healthy: status >= 200 && status < 400,
              status,
              body: Buffer.concat(chunks).subarray(0, maxBodyBytes).toString(),
            });
            answer.destroy();
          };
          settleWithStatus = finish;
          answer.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            length += chunk.length;
            if (length >= maxBodyBytes) finish();
          });
          answer.on("end", finish);
          answer.on("error", fail);
        },
      );
      sent.on("error", fail);
      sent.end();
    } catch (error) {
      fail(error);
    }
  });
}

function dial(address: { readonly host: string; readonly port: number }, timeoutMs: number, signal: AbortSignal): Promise<Seen> {
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const socket = connect({ host: address.host, port: address.port });
    const settle = (seen: Seen) => {
      limit.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(seen);
    };
    const onAbort = () => settle({ healthy: false, error: toReason(limit.reason, signal, timeoutMs) });
    if (limit.aborted) onAbort();
    limit.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => settle({ healthy: true }));
    socket.once("error", (error) => settle({ healthy: false, error: toReason(error, signal, timeoutMs) }));
  });
}

function toReason(error: unknown, signal: AbortSignal, timeoutMs: number): string {
  if (signal.aborted) return "the check was called off";
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === "AbortError" || name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused: nothing listens there";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was closed without an answer";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "the address cannot be reached";
    default:
      return code?.startsWith("HPE_") ? "what answered does not speak HTTP" : message;
  }
}
