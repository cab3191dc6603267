/** Server-sent events over node:http, reconnecting with the last id so that nothing is missed. */
import type { IncomingMessage } from "node:http";
import type { Connection } from "./connection.ts";
import { CommandError, exitCodes } from "./exit.ts";
import { isSuccess, open, readText, refusal } from "./http.ts";

export interface StreamedEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

export interface StreamOptions {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called when the connection broke and is tried again. */
  readonly onReconnect?: (attempt: number) => void;
  /** True: the end of the answer is the end of the stream (no `follow`). */
  readonly endsByItself?: boolean;
}

const mostAttempts = 20;

export async function* streamEvents(connection: Connection, options: StreamOptions): AsyncGenerator<StreamedEvent> {
  let lastId: string | undefined;
  for (let attempt = 0; !options.signal.aborted;) {
    try {
      const message = await open(connection, {
        method: "GET",
        path: options.path,
        headers: { ...options.headers, accept: "text/event-stream", ...(lastId ? { "last-event-id": lastId } : {}) },
        signal: options.signal,
      });
      if (!isSuccess(message)) throw refusal(connection, message, await readText(message));
      for await (const event of readEvents(message)) {
        attempt = 0;
        if (event.id !== undefined) lastId = event.id;
        yield event;
      }
      if (options.endsByItself) return;
    } catch (error) {
      if (options.signal.aborted) return;
      const isFinal = error instanceof CommandError && error.exitCode !== exitCodes.unreachable;
      if (isFinal || attempt >= mostAttempts) throw error;
    }
    if (options.signal.aborted) return;
    attempt++;
    options.onReconnect?.(attempt);
    await new Promise((resolve) => setTimeout(resolve, Math.min(3000, 100 * 2 ** attempt)));
  }
}

/** The lines of one answer as events. A comment line (a heartbeat) is passed over. */
async function* readEvents(message: IncomingMessage): AsyncGenerator<StreamedEvent> {
  message.setEncoding("utf8");
  let rest = "";
  let event = "message";
  let id: string | undefined;
  let data: string[] = [];
  for await (const chunk of message as AsyncIterable<string>) {
    rest += chunk;
    let end = rest.indexOf("\n");
    let start = 0;
    for (; end >= 0; start = end + 1, end = rest.indexOf("\n", start)) {
      const line = rest.slice(start, rest[end - 1] === "\r" ? end - 1 : end);
      if (line === "") {
        if (data.length > 0) yield { event, data: data.join("\n"), id };
        event = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id") id = value;
    }
    rest = rest.slice(start);
  }
}
