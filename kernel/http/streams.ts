/**
 * Answers that go on: server-sent events. A stream ends with its reader, with the credential behind it, and with the
 * server; what it has not sent yet is held back at its source, never piled up here.
 */
import type { Context } from "hono";
import type { Actor } from "../actor/index.ts";
import { toNornsError } from "../errors/index.ts";
import type { HttpEnv } from "./route.ts";

/** Everything that lives longer than its request asks this to be told when it must end. */
export interface LiveStreams {
  /** Calls `end` once, when the actor is revoked or the server stops. Returns the way to stop listening. */
  open(actor: Actor | null, end: (reason: "revoked" | "stopping") => void): () => void;
}

export interface ServerSentEvent {
  /** What `Last-Event-ID` brings back when the reader reconnects. */
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

const heartbeatMs = 15_000;

/**
 * An endless (or long) answer of `text/event-stream`. `produce` is pulled: it makes the next event only when the reader
 * has room. Its signal aborts when the reader leaves. A throw inside becomes a last `event: error`; a revoked credential a
 * last `event: end` with the reason.
 *
 *     return eventStream(request, async function* (signal) {
 *       for await (const event of events.follow({ after, signal })) yield { id: String(event.seq), data: JSON.stringify(event) };
 *     });
 */
export function eventStream(
  request: { readonly context: Context<HttpEnv>; readonly actor: Actor | null },
  produce: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
): Response {
  const { context } = request;
  const abort = new AbortController();
  const text = new TextEncoder();
  let close = () => {};
  let pump: () => Promise<void> = async () => {};

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const iterator = produce(abort.signal)[Symbol.asyncIterator]();
      const send = (event: ServerSentEvent) => controller.enqueue(text.encode(formatEvent(event)));
      let hasEnded = false;
      const heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(text.encode(": still here\n\n"));
      }, heartbeatMs);
      const stopListening = context.var.streams?.open(request.actor, (reason) => {
        if (!hasEnded) send({ event: "end", data: JSON.stringify({ reason }) });
        close();
      });
      close = () => {
        if (hasEnded) return;
        hasEnded = true;
        clearInterval(heartbeat);
        stopListening?.();
        abort.abort();
        try {
          controller.close();
        } catch {
          // The reader has cancelled: already closed.
        }
      };
      // A first comment makes proxies and browsers see the answer begin at once.
      controller.enqueue(text.encode(": norns\n\n"));
      pump = async () => {
        try {
          const next = await iterator.next();
          if (hasEnded) return;
          if (next.done) return close();
          send(next.value);
        } catch (thrown) {
          if (hasEnded) return;
          const { code, message } = toNornsError(thrown);
          context.var.scope.log.warn({ error: thrown }, "A stream broke off.");
          send({ event: "error", data: JSON.stringify({ code, error: message }) });
          close();
        }
      };
    },
    pull: () => pump(),
    cancel: () => close(),
  });

  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      // nginx and its like would hold events back to fill a buffer.
      "X-Accel-Buffering": "no",
    },
  });
}

/**
 * The same for plain text: `pieces` is pulled, so a slow reader holds its source back. `stop` is the source's own signal: it
 * is aborted when the reader leaves, the credential is revoked or the server stops, and the answer ends with its source.
 */
export function textStream(
  request: { readonly context: Context<HttpEnv>; readonly actor: Actor | null },
  pieces: AsyncIterable<string>,
  stop: AbortController,
): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const text = new TextEncoder();
  let stopListening = () => {};
  const body = new ReadableStream<Uint8Array>({
    start() {
      stopListening = request.context.var.streams?.open(request.actor, () => stop.abort()) ?? stopListening;
    },
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (!done && !stop.signal.aborted) return controller.enqueue(text.encode(value));
        stopListening();
        controller.close();
      } catch (thrown) {
        stopListening();
        request.context.var.scope.log.warn({ error: thrown }, "A stream broke off.");
        throw thrown;
      }
    },
    cancel() {
      stopListening();
      stop.abort();
    },
  });
  return new Response(body, {
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
  });
}

export function formatEvent({ id, event, data }: ServerSentEvent): string {
  // A line break inside an id or a name would begin a field of its own; data is split into lines, as the format says.
  const oneLine = (value: string) => value.replace(/[\r\n\0]/g, " ");
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${id === undefined ? "" : `id: ${oneLine(id)}\n`}${event === undefined ? "" : `event: ${oneLine(event)}\n`}${lines.join("")}\n`;
}
