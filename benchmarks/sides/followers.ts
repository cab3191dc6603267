/**
 * Many followers of one socket address, in one process of their own. Frames are read by hand: a client library for a
 * thousand sockets would take the core that the servers are measured on. Every frame's time is kept, by follower and number.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { answerParent } from "./answer.ts";

interface Follower {
  readonly socket: Socket;
  /** Arrival by event, in order, in milliseconds of the system's monotonic clock. */
  readonly seqs: number[];
  readonly at: number[];
  rest: Buffer;
  isUpgraded: boolean;
}

const followers: Follower[] = [];
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Servers take only so many handshakes at once. */
const handshakesAtOnce = 15;

async function follow({
  port,
  path,
  headers,
  count,
}: {
  port: number;
  path: string;
  headers: Record<string, string>;
  count: number;
}): Promise<void> {
  for (let left = count; left > 0; left -= handshakesAtOnce)
    followers.push(...(await Promise.all(Array.from({ length: Math.min(left, handshakesAtOnce) }, () => open(port, path, headers)))));
}

function open(port: number, path: string, headers: Record<string, string>): Promise<Follower> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const follower: Follower = { socket, seqs: [], at: [], rest: Buffer.alloc(0), isUpgraded: false };
    const lines = Object.entries({
      Host: `127.0.0.1:${port}`,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...headers,
    });
    socket.on("connect", () =>
      socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`),
    );
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("The socket was closed before it was open.")));
    socket.on("data", (chunk: Buffer) => {
      let data = follower.rest.length === 0 ? chunk : Buffer.concat([follower.rest, chunk]);
      if (!follower.isUpgraded) {
        const end = data.indexOf("\r\n\r\n");
        if (end === -1) return void (follower.rest = data);
        if (!data.toString("latin1", 0, end).startsWith("HTTP/1.1 101"))
          return socket.destroy(new Error(data.toString("latin1", 0, end + 200)));
        follower.isUpgraded = true;
        data = data.subarray(end + 4);
        resolve(follower);
      }
      follower.rest = readFrames(follower, data);
    });
  });
}

/** Takes the whole frames and returns what is left. Only the number at a message's end is read: `…,"seq":42}`. */
function readFrames(follower: Follower, data: Buffer): Buffer {
  let from = 0;
  while (data.length - from >= 2) {
    let length = data[from + 1]! & 0x7f;
    let head = 2;
    if (length === 126) {
      if (data.length - from < 4) break;
      length = data.readUInt16BE(from + 2);
      head = 4;
    }
    const end = from + head + length;
    if (data.length < end) break;
    const kind = data[from]! & 0x0f;
    if (kind === 1) take(follower, data, end);
    // A server ends the socket of whoever does not answer its pings.
    if (kind === 9) follower.socket.write(pong);
    from = end;
  }
  return data.subarray(from);
}

function take(follower: Follower, data: Buffer, end: number): void {
  let seq = 0;
  let place = 1;
  for (let at = end - 2; data[at]! >= 48 && data[at]! <= 57; at--, place *= 10) seq += (data[at]! - 48) * place;
  follower.seqs.push(seq);
  follower.at.push(now());
}

/** Without a payload, as our server's pings are; masked with zeros. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export interface Followed {
  readonly p50: number;
  readonly p99: number;
}

/** Waits until every follower has got everything, in order; then forgets it. `sentAt` by event, from `first` on. */
async function collect({ first, sentAt, waitMs }: { first: number; sentAt: number[]; waitMs: number }): Promise<Followed> {
  const last = first + sentAt.length - 1;
  const until = performance.now() + waitMs;
  while (followers.some((follower) => (follower.seqs.at(-1) ?? 0) < last) && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const took: number[] = [];
  for (const [index, follower] of followers.entries()) {
    let expected = first;
    for (const [at, seq] of follower.seqs.entries()) {
      if (seq < first) continue;
      if (seq !== expected) throw new Error(`Follower ${index} got ${seq} where ${expected} was due.`);
      took.push(follower.at[at]! - sentAt[seq - first]!);
      expected++;
    }
    if (expected !== last + 1)
      throw new Error(`Follower ${index} got ${expected - first} of ${sentAt.length} events within ${waitMs / 1000} s.`);
    follower.seqs.length = 0;
    follower.at.length = 0;
  }
  const sorted = Float64Array.from(took).sort();
  const at = (percent: number) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
  return { p50: at(50), p99: at(99) };
}

const handlers = { follow, collect };
export type Followers = typeof handlers;
answerParent(handlers);
