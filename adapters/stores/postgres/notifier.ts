/**
 * How the processes on one database tell each other that events were committed: NOTIFY with the highest number, outside
 * the writing transaction (inside, every commit of the installation would queue for PostgreSQL's one notification
 * lock), at once and then at most once in `pauseMs`. What is lost here is found by the followers' slow poll.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { EventNotifier } from "@norns/kernel/events";
import type { Log } from "@norns/kernel/log";
import type { PostgresStore } from "./store.ts";

const channel = "norns_events";

export interface PostgresNotifierOptions {
  readonly store: Pick<PostgresStore, "pool" | "url">;
  readonly log: Log;
  readonly pauseMs?: number;
}

export interface PostgresNotifier extends EventNotifier {
  /** Waits for a notification that is being sent; sends none after. */
  close(): Promise<void>;
}

export function createPostgresNotifier({ store, log, pauseMs = 20 }: PostgresNotifierOptions): PostgresNotifier {
  let told = 0;
  let toTell = 0;
  let sending: Promise<void> | undefined;
  let isClosed = false;

  const send = async (): Promise<void> => {
    while (toTell > told && !isClosed) {
      const seq = toTell;
      try {
        await store.pool.query({ name: "norns_notify", text: "select pg_notify($1, $2)", values: [channel, String(seq)] });
        told = seq;
      } catch (error) {
        if (isClosed) return;
        log.warn({ error }, "Other servers could not be told of new events; they will find them by themselves");
        told = seq;
      }
      await sleep(pauseMs, undefined, { ref: false });
    }
  };

  return {
    notify(seq) {
      toTell = Math.max(toTell, seq);
      if (!isClosed) sending ??= send().finally(() => (sending = undefined));
    },
    listen(onSignal, signal) {
      void listenUntil(store.url, log, onSignal, signal);
    },
    async close() {
      isClosed = true;
      await sending;
    },
  };
}

/** One connection of its own, made again when it breaks; every new one may have missed something and says so. */
async function listenUntil(url: string, log: Log, onSignal: (seq: number | undefined) => void, signal: AbortSignal): Promise<void> {
  for (let pause = 100; !signal.aborted; pause = Math.min(5_000, pause * 2)) {
    const client = new pg.Client({
      connectionString: url,
      application_name: "norns events",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    const broken = new Promise<unknown>((resolve) => {
      client.once("error", resolve);
      client.once("end", () => resolve(undefined));
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    try {
      client.on("notification", ({ payload }) => onSignal(payload ? Number(payload) : undefined));
      await client.connect();
      await client.query(`listen ${channel}`);
      pause = 100;
      onSignal(undefined);
      const error = await broken;
      if (error && !signal.aborted) log.warn({ error }, "The connection that hears of new events broke; connecting again");
    } catch (error) {
      if (!signal.aborted) log.warn({ error }, "New events of other servers cannot be heard; trying again");
    } finally {
      await client.end().catch(() => {});
    }
    await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
  }
}
