import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { createPostgresNotifier, type PostgresStore } from "@norns/adapters/stores/postgres";
import { silentLog } from "@norns/kernel/log";
import { Write } from "../database/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import { createEvents, kernelMigrations, subject, type Event, type EventGap, type EventLog, type NewEvent } from "./index.ts";

const rooms = [kernelMigrations];
const workspace = "ws_a" as WorkspaceId;

const anEvent = (message: string, given: Partial<NewEvent> = {}): NewEvent => ({
  workspace,
  subject: subject("app", "hello"),
  category: "deploy",
  action: "step.complete",
  message,
  actor: "test",
  ...given,
});

/** A log as one process of several has it: with a notifier of its own. */
function aProcess(db: TestDatabase, options: { pollMs?: number } = {}) {
  const store = db.openStore({ poolSize: 20 });
  const notifier = createPostgresNotifier({ store, log: silentLog });
  return { store, notifier, events: createEvents({ store, notifier, pollMs: options.pollMs ?? 60_000 }) };
}

async function commit(store: PostgresStore, events: EventLog, ...messages: string[]): Promise<void> {
  const write = new Write();
  for (const message of messages) events.append(write, anEvent(message));
  await write.commit(store);
}

async function take(from: AsyncIterable<Event | EventGap>, count: number): Promise<(Event | EventGap)[]> {
  const taken: (Event | EventGap)[] = [];
  for await (const item of from) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

const seqsOf = (items: (Event | EventGap)[]): number[] => items.map((item) => ("gap" in item ? -1 : item.seq));

test("it numbers the events of writes in order and without a hole, also after a write that failed", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  await commit(db.store, events, "one", "two");
  const failing = new Write();
  events.append(failing, anEvent("never"));
  failing.add({ compile: () => sql`select 1/0`.compile(db.store.tables("kernel")) });
  await expect(failing.commit(db.store)).rejects.toMatchObject({ code: "database_error" });
  await commit(db.store, events, "three");
  const { events: all, next } = await events.list({ limit: 10, order: "asc" });
  expect(all.map(({ seq, message }) => [seq, message])).toEqual([
    [1, "one"],
    [2, "two"],
    [3, "three"],
  ]);
  expect(next).toBeUndefined();
  expect(await events.latest()).toBe(3);
});

test("it keeps every field, and two writes joined into one", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  const first = new Write();
  events.append(first, anEvent("first", { metadata: { exit: "1", text: '"quoted" ünïcode' }, operation: "op_x" as never }));
  const second = new Write();
  events.append(second, anEvent("second", { category: "scale" }));
  first.include(second);
  await first.commit(db.store);
  const { events: all } = await events.list({ limit: 10, order: "desc" });
  expect(all).toMatchObject([
    { seq: 2, message: "second", category: "scale", metadata: {} },
    { seq: 1, message: "first", operation: "op_x", metadata: { exit: "1", text: '"quoted" ünïcode' }, actor: "test", subject: "app:hello" },
  ]);
  expect(all[0]).not.toHaveProperty("operation");
});

test("[A1] it lists and follows only the workspaces asked for, and nothing for an empty list of them", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  const write = new Write();
  for (const name of ["ws_a", "ws_b", "ws_c", "ws_a"]) events.append(write, anEvent(name, { workspace: name as WorkspaceId }));
  await write.commit(db.store);
  const ids = (...names: string[]) => names as WorkspaceId[];
  const listed = async (workspaces: WorkspaceId[]) =>
    (await events.list({ workspaces, limit: 10, order: "asc" })).events.map((event) => event.seq);
  expect(await listed(ids("ws_a"))).toEqual([1, 4]);
  expect(await listed(ids("ws_a", "ws_c"))).toEqual([1, 3, 4]);
  expect(await listed([])).toEqual([]);
  const stop = new AbortController();
  expect(seqsOf(await take(events.follow({ workspaces: ids("ws_b", "ws_c"), after: 0, signal: stop.signal }), 2))).toEqual([2, 3]);
  const none = take(events.follow({ workspaces: [], after: 0, signal: AbortSignal.timeout(200) }), 1);
  expect(await none).toEqual([]);
  stop.abort();
});

test("it pages in both directions", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  await commit(db.store, events, ..."abcdefg");
  const up = await events.list({ limit: 3, order: "asc" });
  expect([seqsOf(up.events), up.next]).toEqual([[1, 2, 3], 3]);
  const down = await events.list({ limit: 3, order: "desc", before: 6 });
  expect([seqsOf(down.events), down.next]).toEqual([[5, 4, 3], 3]);
});

test("it follows from now on: what this process commits after the call arrives", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store, pollMs: 60_000 });
  await commit(db.store, events, "before");
  const stop = new AbortController();
  const following = events.follow({ signal: stop.signal });
  await commit(db.store, events, "after");
  expect(await take(following, 1)).toMatchObject([{ message: "after", seq: 2 }]);
  stop.abort();
  expect(events.followerCount).toBe(0);
});

test("it shows two processes all events of fifty writers with delayed commits, to readers that reconnect at random", async () => {
  await using db = await aDatabase(rooms);
  const [one, two] = [aProcess(db), aProcess(db)];
  const stop = new AbortController();
  const perWriter = 12;
  const total = 50 * perWriter;

  /** Reads until it has `total`, breaking off and resuming behind the last number it saw. */
  const read = async (events: EventLog): Promise<number[]> => {
    const seen: number[] = [];
    let after = 0;
    while (seen.length < total) {
      const connection = new AbortController();
      const leaveAfter = 1 + Math.floor(Math.random() * 60);
      let count = 0;
      for await (const item of events.follow({ after, signal: AbortSignal.any([connection.signal, stop.signal]) })) {
        if ("gap" in item) throw new Error(`a gap: ${JSON.stringify(item)}`);
        seen.push(item.seq);
        after = item.seq;
        if (++count === leaveAfter || seen.length === total) break;
      }
      connection.abort();
    }
    return seen;
  };
  const readers = [read(one.events), read(two.events), read(one.events), read(two.events)];

  const writer = async (index: number): Promise<void> => {
    const { store, events } = index % 2 ? one : two;
    for (let round = 0; round < perWriter; round++) {
      const write = new Write();
      events.append(write, anEvent(`${index}.${round}`));
      // Behind the events' own statement, so the counter is held while the commit is late.
      if (Math.random() < 0.2)
        write.addLast({ compile: () => sql`select pg_sleep(${String(Math.random() * 0.01)}::float)`.compile(store.tables("kernel")) });
      await write.commit(store);
    }
  };
  await Promise.all(Array.from({ length: 50 }, (_, index) => writer(index)));
  const expected = Array.from({ length: total }, (_, index) => index + 1);
  for (const seen of await Promise.all(readers)) expect(seen).toEqual(expected);
  stop.abort();
  await Promise.all([one.notifier.close(), two.notifier.close()]);
});

test("it hears of another process's events without waiting for the poll, also after its connections were cut", async () => {
  await using db = await aDatabase(rooms);
  const [one, two] = [aProcess(db), aProcess(db, { pollMs: 60_000 })];
  const stop = new AbortController();
  const following = two.events.follow({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
  await commit(one.store, one.events, "a");
  expect((await following.next()).value).toMatchObject({ message: "a" });
  await sleep(100);
  const startedAt = performance.now();
  await commit(one.store, one.events, "b");
  expect((await following.next()).value).toMatchObject({ message: "b" });
  expect(performance.now() - startedAt).toBeLessThan(1_000);

  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
    db.store.tables("kernel"),
  );
  await sleep(50);
  await commit(one.store, one.events, "c");
  expect((await following.next()).value).toMatchObject({ message: "c" });
  stop.abort();
  await Promise.all([one.notifier.close(), two.notifier.close()]);
});

test("it finds another process's events by the poll alone", async () => {
  await using db = await aDatabase(rooms);
  const writer = createEvents({ store: db.store });
  const reader = createEvents({ store: db.openStore(), pollMs: 50 });
  const stop = new AbortController();
  const following = reader.follow({ after: 0, signal: stop.signal });
  await commit(db.store, writer, "a");
  expect(await take(following, 1)).toMatchObject([{ message: "a" }]);
  stop.abort();
});

test("it tells a reader that was too slow what it missed, and goes on", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store, capacity: 100 });
  const stop = new AbortController();
  const following = events.follow({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
  await commit(db.store, events, "first");
  expect((await following.next()).value).toMatchObject({ seq: 1 });
  for (let batch = 0; batch < 10; batch++) await commit(db.store, events, ...Array.from({ length: 50 }, (_, index) => `${batch}.${index}`));
  const seen: number[] = [];
  const gaps: { from: number; to: number }[] = [];
  while ((seen.at(-1) ?? 0) < 501) {
    const { value } = (await following.next()) as { value: Event | EventGap };
    if ("gap" in value) gaps.push(value.gap);
    else seen.push(value.seq);
  }
  const missed = gaps.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
  expect(gaps.length).toBeGreaterThan(0);
  expect([...seen, ...missed].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, index) => index + 2));
  stop.abort();
});

test("it forgets the beginning, and tells who asks for it", async () => {
  await using db = await aDatabase(rooms);
  let now = 1_000;
  const events = createEvents({
    store: db.store,
    clock: { now: () => now, sleep: (ms, signal) => sleep(ms, undefined, { ...(signal ? { signal } : {}) }) },
  });
  await commit(db.store, events, "a", "b");
  now = 2_000;
  await commit(db.store, events, "c", "d");
  expect(await events.prune(2_000)).toBe(2);
  expect(await events.prune(2_000)).toBe(0);
  const stop = new AbortController();
  const items = await take(events.follow({ after: 0, signal: stop.signal }), 3);
  expect(items).toMatchObject([{ gap: { from: 1, to: 2 } }, { seq: 3 }, { seq: 4 }]);
  expect(await events.prune(9_000)).toBe(2);
  await commit(db.store, events, "e");
  expect(await take(events.follow({ after: 0, signal: stop.signal }), 2)).toMatchObject([{ gap: { from: 1, to: 4 } }, { seq: 5 }]);
  stop.abort();
});

test("it tells a reader whose number is from the future that the log was put back", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  await commit(db.store, events, "a");
  const stop = new AbortController();
  const following = events.follow({ after: 900, signal: stop.signal })[Symbol.asyncIterator]();
  expect((await following.next()).value).toEqual({ gap: { from: 1, to: 1 } });
  await commit(db.store, events, "b");
  expect((await following.next()).value).toMatchObject({ seq: 2 });
  stop.abort();
});

test("it lets a reader that fails go, without failing the write that reached it or the others", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  const stop = new AbortController();
  const seen: number[] = [];
  const gap = (): void => {};
  const failing = [
    () => {
      throw new Error("gone");
    },
    () => Promise.reject(new Error("gone too")),
  ];
  for (const event of failing) events.push({ after: 0, signal: stop.signal }, { event, gap });
  events.push({ after: 0, signal: stop.signal }, { event: (event) => void seen.push(event.seq), gap });
  for (const message of ["a", "b", "c"]) await commit(db.store, events, message);
  for (let waited = 0; waited < 5_000 && seen.length < 3; waited += 20) await sleep(20);
  expect(seen).toEqual([1, 2, 3]);
  expect(events.followerCount).toBe(1);
  stop.abort();
  expect(events.followerCount).toBe(0);
});

test("[I11] it keeps metadata whose names are special as plain facts", async () => {
  await using db = await aDatabase(rooms);
  const events = createEvents({ store: db.store });
  const write = new Write();
  events.append(write, anEvent("x", { metadata: JSON.parse('{"__proto__":"polluted","constructor":"c"}') as Record<string, string> }));
  await write.commit(db.store);
  const { events: all } = await events.list({ limit: 1, order: "asc" });
  expect(Object.entries(all[0]!.metadata)).toEqual([
    ["__proto__", "polluted"],
    ["constructor", "c"],
  ]);
  expect(({} as { polluted?: string }).polluted).toBeUndefined();
});
