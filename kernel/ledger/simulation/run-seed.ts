/** One run: some servers, some people, a few minutes of trouble, then calm, and the question whether all came out well. */
import { migrate, Write } from "../../database/index.ts";
import { NornsError } from "../../errors/index.ts";
import { createEvents, kernelMigrations, subject } from "../../events/index.ts";
import { newId, type IdSource, type NodeId, type OperationId, type WorkspaceId } from "../../ids/index.ts";
import { silentLog } from "../../log/index.ts";
import { createLedger } from "../ledger.ts";
import { ledgerMigrations } from "../migrations/index.ts";
import type { Ledger, OperationDefinition } from "../contract.ts";
import { createSweeper } from "../sweep.ts";
import { createWorker, type Worker } from "../worker.ts";
import { Engine } from "./engine.ts";
import type { FaultCounts } from "./faults.ts";
import { compiled, createWakes, House, Server } from "./house.ts";
import { checkAtTheEnd, type Accepted } from "./invariants.ts";
import { definitionsFor } from "./operations.ts";
import { openSqlite, type SqliteStore } from "./sqlite-store.ts";
import { Tries } from "./tries.ts";

export interface SeedResult {
  readonly seed: number;
  readonly counts: FaultCounts;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly operations: number;
}

const troubleMs = 5 * 60_000;
/**
 * What had begun must go on this long after the last fault: a server is back within a minute, a lease and a minute are
 * what a lost worker and a wrong clock may cost, and the longest step takes half a minute more.
 */
const goesOnMs = 60_000 + 30_000 + 60_000 + 30_000;
/** And everything must have ended: a wake-up lost again and again comes every 5 minutes, and one for another node in one. */
const calmMs = 10 * 60_000;
const workspace = "ws_00000000000000000000000000" as WorkspaceId;

export async function openSimulatedDatabase(): Promise<SqliteStore> {
  const database = openSqlite();
  await migrate(database, [kernelMigrations, ledgerMigrations]);
  database.batchNow([
    compiled("create table simulated_apps (app text primary key, current text not null, switches integer not null)", []),
    compiled("create table simulated_ends (operation text primary key, ends integer not null)", []),
  ]);
  return database;
}

interface Life {
  readonly server: Server;
  readonly worker: Worker;
  readonly ledger: Ledger;
  readonly definitions: readonly OperationDefinition<never>[];
}

export async function runSeed(seed: number, database: SqliteStore, options: { trace?: boolean } = {}): Promise<SeedResult> {
  database.clear(["operations", "operation_steps", "operation_locks", "events", "simulated_apps", "simulated_ends"]);
  database.batchNow([compiled("update event_sequence set last = 0", [])]);
  const house = new House(seed, database, options.trace ?? false);
  const { random, time } = house;
  const engine = new Engine(house);
  const tries = new Tries(house, engine);
  const lives = new Map<Server, Life>();
  const accepted: Accepted = { started: new Set(), retried: new Map(), cancelled: new Set() };
  const ids: IdSource = { now: () => time.now, randomBytes: (length) => random.bytes(length) };
  const stop = new AbortController().signal;

  const deliver = (server: Server, id: OperationId): void => {
    const life = lives.get(server);
    if (life && server.isAlive) void tries.call(server, id, () => life.worker.run(id, stop));
  };

  function boot(node: string, version: 1 | 2): void {
    const server = new Server(house, node, version);
    const { store, clock } = server;
    const events = createEvents({ store, clock, newId: () => newId("EventId", ids) });
    const transport = createWakes(server, deliver);
    const definitions = definitionsFor(server, engine, tries);
    const log = options.trace
      ? {
          ...silentLog,
          error: (fields: object, message: string) =>
            house.note(() => `${node} says: ${message} ${String((fields as { error?: unknown }).error)}`),
        }
      : silentLog;
    const deps = { store, events, transport, clock, ids, log };
    const worker = createWorker({ ...deps, definitions, node: node as NodeId, leaseMs: 30_000 });
    lives.set(server, { server, worker, ledger: createLedger(deps), definitions });
    house.servers.push(server);
    house.note(() => `${node} starts with version ${version}`);
    if (random.chance(0.7)) worker.takeOverOwn().catch(() => undefined); // the database may be away at start
    void createSweeper({ ...deps, leaseMs: 30_000 }).run(stop);
    server.onDeath = () => {
      time.after(random.between(500, 60_000), () => {
        const changes = house.strikes(14);
        boot(node, house.isCalm ? 2 : changes ? (version === 1 ? 2 : 1) : version);
      });
    };
  }

  const apps = ["a", "b"];
  for (const app of apps) {
    database.batchNow([compiled("insert into simulated_apps values (?, ?, 0)", [app, `first-${app}`])]);
    engine.instances.set(`first-${app}`, { key: `first-${app}`, app, readyAt: 0, flapsUntil: 0 });
  }
  const servers = house.rates[13] > 0 ? random.between(2, 3) : 1;
  if (servers > 1) house.count(13);
  for (let index = 1; index <= servers; index++) boot(`node-${index}`, random.chance(0.5) ? 1 : 2);

  const anyLife = (): Life | undefined => {
    const live = house.liveServers;
    return live.length === 0 ? undefined : lives.get(random.pick(live));
  };

  /** Somebody asks a server for something; a server that dies or fails simply does not accept. */
  function ask(what: (life: Life) => Promise<void>): void {
    const life = anyLife();
    if (!life) return;
    what(life).catch((error: unknown) => {
      if (!(error instanceof NornsError)) house.violation(`a request failed in an unexpected way: ${String(error)}`);
    });
  }

  const wanted = random.between(2, 6);
  for (let index = 0; index < wanted; index++) {
    time.after(random.between(0, troubleMs / 2), () =>
      ask(async ({ server, ledger, definitions }) => {
        const definition = random.pick(definitions.length > 0 && random.chance(0.6) ? definitions.slice(0, 1) : definitions);
        const app = random.pick(apps);
        const write = new Write();
        const id = ledger.start(write, {
          definition,
          input: { app } as never,
          workspace,
          subject: subject("app", app),
          actor: { label: "person" },
          ...(random.chance(0.15) ? { node: random.pick(house.servers).node as NodeId } : {}),
          ...(random.chance(0.1) ? { runAfter: time.now + random.between(1, 30_000) } : {}),
        });
        if (random.chance(0.5)) annoy(id);
        await write.commit(server.store);
        accepted.started.add(id);
        house.note(() => `accepted ${id} ${definition.name} ${app}`);
      }),
    );
  }

  function annoy(id: OperationId): void {
    if (house.rates[15] > 0 && random.chance(house.rates[15]))
      time.after(random.between(1, 40_000), () =>
        ask(async ({ ledger }) => {
          house.count(15);
          await ledger.cancel(id, { label: "person" });
          accepted.cancelled.add(id);
        }),
      );
    else
      time.after(random.between(20_000, troubleMs), () =>
        ask(async ({ ledger }) => {
          await ledger.retry(id, { label: "person" });
          accepted.retried.set(id, (accepted.retried.get(id) ?? 0) + 1);
        }),
      );
  }

  const allEnded = (): boolean =>
    database.batchNow([compiled("select 1 from operations where finished_at is null limit 1", [])])[0]!.rows.length === 0;

  await time.run(time.now + troubleMs, () => false);
  house.isCalm = true;
  house.diskFullUntil = 0;
  house.note(() => "calm");
  for (const server of house.servers) {
    server.skew = 0;
    server.pausedUntil = Math.min(server.pausedUntil, time.now + 1_000);
    if (server.isAlive && server.version === 1) time.after(1_000, () => server.kill());
  }
  for (const [key, instance] of engine.instances) engine.instances.set(key, { ...instance, flapsUntil: 0 });
  await time.run(time.now + 1_000, () => false);
  const begun = findBegun(database);
  const end = time.now + calmMs;
  while (time.now < end) {
    const until = Math.min(end, time.now + 5_000);
    await time.run(until, () => false);
    if (begun.size > 0 && time.now >= end - calmMs + goesOnMs) {
      for (const [id, at] of findBegun(database)) if (begun.get(id) === at) house.violation(`${id} was left alone: ${at}`);
      begun.clear();
    }
    if (time.now > end - calmMs + 70_000 && allEnded()) break;
  }
  checkAtTheEnd(house, engine, accepted);
  for (const server of house.servers) server.isAlive = false;
  const [row] = database.batchNow([compiled("select count(*) as n from operations", [])])[0]!.rows as { n: number }[];
  return { seed, counts: house.counts, violations: house.violations, trace: house.trace, operations: row!.n };
}

/** What some worker had begun, on no node in particular, and how far it was. */
function findBegun(database: SqliteStore): Map<string, string> {
  const sql = `select id, state || ', claim ' || epoch || ', revision ' || revision as at from operations
    where finished_at is null and node is null and (state <> 'queued' or holder is not null)`;
  const rows = database.batchNow([compiled(sql, [])])[0]!.rows as { id: string; at: string }[];
  return new Map(rows.map(({ id, at }) => [id, at]));
}
