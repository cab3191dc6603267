/**
 * One socket's share of the event log: what is sent, and how much may wait. A reader that does not keep up is told where
 * it stopped, by the close code and reason, and comes back with `?after=`.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { onceForEach, type Event, type EventLog } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";
import { textFrame, type WriteFrame } from "./frames.ts";

export interface SocketMessage {
  readonly type: string;
  readonly appId: string;
  readonly payload: unknown;
}

/** What a room shows of its events on `/ws`; undefined for what it does not show. */
export type ToSocketMessage = (event: Event) => SocketMessage | undefined;

/** Application codes of `close`: what a client does next depends on them. */
export const closeCodes = { stopping: 1001, revoked: 4401, tooSlow: 4408 } as const;

/** How many bytes may wait for a reader. A message is about 300 bytes. */
const mostWaitingBytes = 512 * 1024;
/** How long a reader that is at that bound may take to make room. */
const patienceMs = 5_000;
const lookMs = 50;

/** An event's frame, made once for all who follow; undefined for what no room shows. */
export const createEncoder = (rooms: readonly ToSocketMessage[]): ((event: Event) => Buffer | undefined) =>
  onceForEach((event: Event) => {
    for (const room of rooms) {
      const message = room(event);
      if (message) return textFrame(JSON.stringify({ ...message, seq: event.seq }));
    }
    return undefined;
  });

export interface Delivery {
  readonly socket: WebSocket;
  /** What `socket` stands on. */
  readonly connection: Duplex;
  readonly write: WriteFrame;
  readonly events: EventLog;
  readonly encode: (event: Event) => Buffer | undefined;
  readonly workspaces: readonly WorkspaceId[];
  readonly after: number | undefined;
  readonly signal: AbortSignal;
}

/** Sends until the signal. Closes the socket itself when its reader is too slow. */
export function deliver({ socket, connection, write, events, encode, workspaces, after, signal }: Delivery): void {
  let last = after;

  const makeRoom = async (): Promise<void> => {
    const until = performance.now() + patienceMs;
    while (connection.writableLength > mostWaitingBytes / 2) {
      if (signal.aborted) return;
      if (performance.now() > until) return closeSlow(socket, last);
      await drained(connection, lookMs);
    }
  };

  const send = (frame: Buffer): void | Promise<void> => {
    // Behind a close frame nothing may come.
    if (socket.readyState !== socket.OPEN) return;
    write(connection, frame);
    if (connection.writableLength > mostWaitingBytes) return makeRoom();
  };

  events.push(
    { workspaces, ...(after === undefined ? {} : { after }), signal },
    {
      event(event) {
        const frame = encode(event);
        last = event.seq;
        return frame && send(frame);
      },
      gap({ gap }) {
        last = gap.to;
        return send(textFrame(JSON.stringify({ type: "gap", appId: "", payload: gap, seq: gap.to })));
      },
    },
  );
}

/** When the connection has taken everything, or a while has passed: a reader that is quick is not made to wait. */
function drained(connection: Duplex, atMostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const through = (): void => {
      clearTimeout(timer);
      connection.off("drain", through);
      resolve();
    };
    const timer = setTimeout(through, atMostMs);
    connection.once("drain", through);
  });
}

function closeSlow(socket: WebSocket, last: number | undefined): void {
  socket.close(closeCodes.tooSlow, `too slow: reconnect with after=${last ?? 0}`);
  // Its buffer is full, so the close frame may never get through: the connection goes in any case.
  setTimeout(() => socket.terminate(), 1_000).unref();
}
