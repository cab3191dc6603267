import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { newId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { describeTransport } from "../conformance.ts";
import { createGraphileTransport } from "./index.ts";
import { addJobs, toJob } from "./requests.ts";

async function aTransport() {
  const db = await aDatabase();
  const transport = createGraphileTransport({ pool: db.store.pool, url: db.url, log: silentLog, pollMs: 200 });
  await transport.install();
  return { transport, store: db.store, db, close: () => db.close() };
}

describeTransport("postgres", aTransport);

test("it installs its schema once, from two servers that start together", async () => {
  await using db = await aDatabase();
  const transports = [1, 2, 3].map(() => createGraphileTransport({ pool: db.store.pool, url: db.url, log: silentLog }));
  await Promise.all(transports.map((transport) => transport.install()));
  await transports[0]!.install();
  const { rows } = await db.store.pool.query("select count(*)::int as count from graphile_worker.migrations");
  expect(rows[0].count).toBeGreaterThan(10);
});

test("it goes on listening after its connections were cut, at whatever moment", async () => {
  const { transport, db } = await aTransport();
  await using _ = db;
  for (let round = 0; round < 6; round++) {
    const seen: string[] = [];
    const listening = transport.listen([{ queue: "a", concurrency: 2 }], async (operation) => void seen.push(operation));
    await sleep(round * 6);
    await db.store.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    const listener = await listening;
    await sleep(50);
    const operation = newId("OperationId");
    await transport.send([{ queue: "a", operation }]);
    for (let waited = 0; waited < 8_000 && !seen.includes(operation); waited += 20) await sleep(20);
    expect(seen).toEqual([operation]);
    await listener.stop();
  }
});

test("it says that the database is away when it cannot listen", async () => {
  const { transport, db } = await aTransport();
  await db.close();
  await expect(transport.listen([{ queue: "a", concurrency: 1 }], async () => {})).rejects.toMatchObject({
    kind: "unavailable",
    code: "transport_unavailable",
  });
});

test("it keys a wake-up by its operation and its time", () => {
  const operation = newId("OperationId");
  expect(toJob({ queue: "q", operation })).toEqual({ identifier: "q", operation, runAt: null, key: operation });
  expect(toJob({ queue: "q", operation, at: 5 })).toEqual({
    identifier: "q",
    operation,
    runAt: "1970-01-01T00:00:00.005Z",
    key: `${operation}@5`,
  });
});

test("it sends many wake-ups as one parameter", async () => {
  await using db = await aDatabase();
  const wakes = Array.from({ length: 300 }, () => ({ queue: "q", operation: newId("OperationId") }));
  expect(addJobs(db.store.tables("kernel"), [...wakes, ...wakes]).compile().parameters).toHaveLength(1);
});
