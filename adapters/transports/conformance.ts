/** What every transport holds, whichever way it carries. Each adapter's test calls `describeTransport`. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { describe, expect, onTestFinished, test } from "vitest";
import { Write, type Store } from "@norns/kernel/database";
import { newId, type OperationId } from "@norns/kernel/ids";
import type { Listener, QueueOptions, Transport } from "./port.ts";

export interface TransportHarness {
  readonly transport: Transport;
  /** Where writes are committed. */
  readonly store: Store;
  close(): Promise<void>;
}

export interface Skip {
  readonly test: string;
  readonly reason: string;
}

/** How long "nothing more comes" is waited for. */
const quietMs = 300;

export function describeTransport(name: string, make: () => Promise<TransportHarness>, options: { skip?: readonly Skip[] } = {}): void {
  const it = (title: string, body: (harness: TransportHarness) => Promise<void>): void => {
    const skipped = options.skip?.find((skip) => skip.test === title);
    test.skipIf(skipped)(skipped ? `${title} (skipped: ${skipped.reason})` : title, async () => {
      const harness = await make();
      onTestFinished(() => harness.close());
      await body(harness);
    });
  };

  const listen = async (
    transport: Transport,
    queues: readonly QueueOptions[],
    handle: Parameters<Transport["listen"]>[1],
  ): Promise<Listener> => {
    const listener = await transport.listen(queues, handle);
    onTestFinished(() => listener.stop(AbortSignal.timeout(5_000)));
    return listener;
  };
  const ids = (count: number): OperationId[] => Array.from({ length: count }, () => newId("OperationId"));
  const until = async (done: () => boolean, withinMs = 15_000): Promise<void> => {
    const deadline = Date.now() + withinMs;
    while (!done()) {
      if (Date.now() > deadline) throw new Error("It did not happen in time.");
      await sleep(10);
    }
  };

  describe(name, () => {
    it("it delivers what a write enlisted once the write has committed, and not before", async ({ transport, store }) => {
      const seen: OperationId[] = [];
      await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => void seen.push(operation));
      const [operation] = ids(1);
      const write = new Write();
      transport.enlist(write, { queue: "a", operation: operation! });
      await sleep(quietMs);
      expect(seen).toEqual([]);
      await write.commit(store);
      await until(() => seen.length > 0);
      expect(new Set(seen)).toEqual(new Set([operation]));
    });

    it("it delivers nothing of a write that failed", async ({ transport, store }) => {
      const seen: OperationId[] = [];
      await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => void seen.push(operation));
      const write = new Write();
      transport.enlist(write, { queue: "a", operation: ids(1)[0]! });
      write.add({ compile: () => sql`select * from there_is_no_such_table`.compile(store.tables("kernel")) });
      await expect(write.commit(store)).rejects.toThrow();
      await sleep(quietMs);
      expect(seen).toEqual([]);
    });

    it("it keeps what is sent while nobody listens", async ({ transport }) => {
      const operations = ids(20);
      await transport.send(operations.map((operation) => ({ queue: "a", operation })));
      const seen = new Set<OperationId>();
      await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => void seen.add(operation));
      await until(() => seen.size === operations.length);
      expect(seen).toEqual(new Set(operations));
    });

    it("it delivers a thousand to two listeners, each to one of them", async ({ transport }) => {
      const operations = ids(1_000);
      const seen: OperationId[] = [];
      for (let index = 0; index < 2; index++)
        await listen(transport, [{ queue: "a", concurrency: 5 }], async (operation) => void seen.push(operation));
      await Promise.all([
        transport.send(operations.slice(0, 500).map((operation) => ({ queue: "a", operation }))),
        transport.send(operations.slice(500).map((operation) => ({ queue: "a", operation }))),
      ]);
      await until(() => new Set(seen).size === operations.length);
      await sleep(quietMs);
      expect([...seen].sort()).toEqual([...operations].sort());
    });

    it("it wakes nobody before the time", async ({ transport }) => {
      const [later, now] = ids(2);
      const seen: { operation: OperationId; at: number }[] = [];
      await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => void seen.push({ operation, at: Date.now() }));
      const at = Date.now() + 1_000;
      await transport.send([
        { queue: "a", operation: later!, at },
        { queue: "a", operation: now! },
      ]);
      await until(() => seen.length === 2);
      expect(seen[0]!.operation).toBe(now);
      expect(seen[0]!.at).toBeLessThan(at);
      expect(seen[1]!.at).toBeGreaterThanOrEqual(at - 5);
    });

    it("it does not let a wake-up for later put off one for now", async ({ transport }) => {
      const [operation] = ids(1);
      await transport.send([{ queue: "a", operation: operation! }]);
      await transport.send([{ queue: "a", operation: operation!, at: Date.now() + 60_000 }]);
      const seen: OperationId[] = [];
      await listen(transport, [{ queue: "a", concurrency: 1 }], async (woken) => void seen.push(woken));
      await until(() => seen.length === 1);
    });

    it("it runs as many of a queue at once as allowed, and another queue beside it", async ({ transport }) => {
      const running = { a: 0, b: 0 };
      const most = { a: 0, b: 0 };
      let finish = (): void => {};
      const finished = new Promise<void>((resolve) => (finish = resolve));
      const [a, b] = [ids(12), ids(3)];
      const seen = new Set<OperationId>();
      await listen(
        transport,
        [
          { queue: "a", concurrency: 3 },
          { queue: "b", concurrency: 1 },
        ],
        async (operation) => {
          const queue = a.includes(operation) ? "a" : "b";
          most[queue] = Math.max(most[queue], ++running[queue]);
          if (queue === "a") await finished;
          running[queue]--;
          seen.add(operation);
        },
      );
      await transport.send(a.map((operation) => ({ queue: "a", operation })));
      await until(() => running.a === 3);
      await transport.send(b.map((operation) => ({ queue: "b", operation })));
      await until(() => b.every((operation) => seen.has(operation)));
      expect(running.a).toBe(3);
      finish();
      await until(() => seen.size === 15);
      expect(most).toEqual({ a: 3, b: 1 });
    });

    it("it merges wake-ups of one operation that wait for the same reason", async ({ transport }) => {
      const [operation] = ids(1);
      for (let index = 0; index < 50; index++) await transport.send([{ queue: "a", operation: operation! }]);
      const seen: OperationId[] = [];
      await listen(transport, [{ queue: "a", concurrency: 5 }], async (woken) => void seen.push(woken));
      await until(() => seen.length > 0);
      await sleep(quietMs);
      expect(seen).toHaveLength(1);
    });

    it("it delivers a wake-up that is sent while its operation is being handled once more", async ({ transport }) => {
      const [operation] = ids(1);
      let count = 0;
      let finish = (): void => {};
      const first = new Promise<void>((resolve) => (finish = resolve));
      await listen(transport, [{ queue: "a", concurrency: 2 }], async () => {
        if (++count === 1) await first;
      });
      await transport.send([{ queue: "a", operation: operation! }]);
      await until(() => count === 1);
      await transport.send([{ queue: "a", operation: operation! }]);
      await until(() => count === 2);
      finish();
    });

    it("it waits for what runs when stopped, takes nothing new, and leaves the rest to others", async ({ transport }) => {
      const operations = ids(6);
      const done: OperationId[] = [];
      let started = 0;
      const listener = await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => {
        started++;
        await sleep(200);
        done.push(operation);
      });
      await transport.send(operations.map((operation) => ({ queue: "a", operation })));
      await until(() => started === 2);
      await listener.stop();
      expect(done).toHaveLength(2);
      await sleep(quietMs);
      expect(started).toBe(2);
      const others: OperationId[] = [];
      await listen(transport, [{ queue: "a", concurrency: 2 }], async (operation) => void others.push(operation));
      await until(() => others.length === 4);
      expect([...done, ...others].sort()).toEqual([...operations].sort());
    });

    it("it tells what runs to end when the stop's signal aborts", async ({ transport }) => {
      let isRunning = false;
      let reason: unknown;
      const listener = await listen(transport, [{ queue: "a", concurrency: 1 }], async (_operation, signal) => {
        isRunning = true;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        reason = signal.reason;
      });
      await transport.send([{ queue: "a", operation: ids(1)[0]! }]);
      await until(() => isRunning);
      const startedAt = Date.now();
      await listener.stop(AbortSignal.timeout(300));
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(290);
      expect(reason).toBeInstanceOf(Error);
    });
  });
}
