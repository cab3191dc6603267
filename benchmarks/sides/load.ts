/**
 * The load: HTTP/1.1 over kept connections, written by hand because a client library costs more CPU than the servers that
 * are measured, on the same two cores. Either as fast as answers come, or at a fixed rate; then a request's time counts
 * from when it was due, so that a server that stalls is not spared the requests it kept waiting.
 */
import { connect, type Socket } from "node:net";
import { answerParent } from "./answer.ts";

export interface LoadInput {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections; as fast as possible when absent. */
  readonly rate?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers that were not 200, and connections that broke. */
  readonly failed: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** What went wrong first. */
  readonly firstFailure?: string;
}

class Connection {
  readonly #port: number;
  readonly #request: string;
  readonly #onAnswer: (connection: Connection, status: number) => void;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  isBusy = false;
  since = 0;

  constructor(port: number, request: string, onAnswer: (connection: Connection, status: number) => void) {
    this.#port = port;
    this.#request = request;
    this.#onAnswer = onAnswer;
  }

  send(since: number): void {
    this.isBusy = true;
    this.since = since;
    this.#socket ??= this.#open();
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect(this.#port, "127.0.0.1");
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      const status = takeAnswer(this.#received);
      if (status === undefined) return;
      this.#received = Buffer.alloc(0);
      this.#done(status);
    });
    const lost = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#received = Buffer.alloc(0);
      if (this.isBusy) this.#done(0);
    };
    socket.on("error", lost);
    socket.on("close", lost);
    return socket;
  }

  #done(status: number): void {
    this.isBusy = false;
    this.#onAnswer(this, status);
  }
}

/** The status of a whole answer; undefined while some of it is missing. One request is under way at a time. */
function takeAnswer(received: Buffer): number | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = received.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return received.length >= end + 4 + Number(length) ? status : undefined;
  if (status === 204 || status === 304) return status;
  return received.subarray(-5).equals(lastChunk) ? status : undefined;
}
const lastChunk = Buffer.from("0\r\n\r\n");

function run({ port, path, headers, connections, seconds, rate }: LoadInput): Promise<LoadResult> {
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  const times: number[] = [];
  let failed = 0;
  let firstFailure: string | undefined;
  const started = performance.now();
  const until = started + seconds * 1000;
  const due: number[] = [];

  return new Promise((resolve) => {
    const pool = Array.from(
      { length: connections },
      () =>
        new Connection(port, request, (connection, status) => {
          const now = performance.now();
          times.push(now - connection.since);
          if (status !== 200) {
            failed++;
            firstFailure ??= status === 0 ? "a connection broke" : `status ${status}`;
          }
          const next = rate === undefined ? now : due.shift();
          // A server that refuses at once is asked again only after a moment.
          if (next !== undefined && (now < until || rate !== undefined)) {
            if (status === 0) setTimeout(() => connection.send(next), 5);
            else connection.send(next);
          } else if (now >= until && pool.every((one) => !one.isBusy)) finish();
        }),
    );
    const finish = () => {
      clearInterval(ticker);
      for (const connection of pool) connection.close();
      times.sort((left, right) => left - right);
      const at = (percent: number) => times[Math.max(0, Math.ceil((percent / 100) * times.length) - 1)] ?? Number.NaN;
      const took = (performance.now() - started) / 1000;
      resolve({
        requests: times.length,
        failed,
        perSecond: times.length / took,
        p50: at(50),
        p99: at(99),
        ...(firstFailure ? { firstFailure } : {}),
      });
    };
    let sent = 0;
    const ticker = setInterval(() => {
      if (rate === undefined) return;
      const now = Math.min(performance.now(), until);
      for (; started + (sent * 1000) / rate <= now; sent++) {
        const at = started + (sent * 1000) / rate;
        const free = pool.find((connection) => !connection.isBusy);
        if (free) free.send(at);
        else due.push(at);
      }
      if (performance.now() >= until && due.length === 0 && pool.every((one) => !one.isBusy)) finish();
    }, 1);
    if (rate === undefined) for (const connection of pool) connection.send(performance.now());
  });
}

const handlers = { run };
export type Load = typeof handlers;
answerParent(handlers);
