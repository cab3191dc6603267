/**
 * The simulated installation: one database that outlives everything, servers that are killed, paused, restarted and
 * upgraded, the wake-ups between them, and the record of what was found wrong. A server reaches the database and the
 * engine only through its gate, where latency, loss, pause and death are decided.
 */
import type { Clock } from "../../clock/index.ts";
import type { CompiledQuery } from "kysely";
import type { Query, QueryResult, Store, Write } from "../../database/index.ts";
import { unavailable } from "../../errors/index.ts";
import type { OperationId } from "../../ids/index.ts";
import { chooseRates, noFaults, type FaultClass, type FaultCounts, type FaultRates } from "./faults.ts";
import { createRandom, type Random } from "./random.ts";
import type { SqliteStore } from "./sqlite-store.ts";
import { VirtualTime } from "./virtual-time.ts";
import type { Wake, Wakes } from "../wakes.ts";

export class House {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly rates: FaultRates;
  readonly counts: FaultCounts = noFaults();
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly database: SqliteStore;
  readonly servers: Server[] = [];
  /** Faults are injected until the second half of a run, in which everything must come to an end. */
  isCalm = false;
  diskFullUntil = 0;
  readonly #isTracing: boolean;

  constructor(seed: number, database: SqliteStore, isTracing: boolean) {
    this.random = createRandom(seed);
    this.rates = chooseRates(this.random);
    this.database = database;
    this.#isTracing = isTracing;
  }

  note(text: () => string): void {
    if (this.#isTracing) this.trace.push(`${((this.time.now - 1_800_000_000_000) / 1000).toFixed(3).padStart(9)} ${text()}`);
  }

  violation(text: string): void {
    this.note(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }

  /** Decides whether a fault happens here and now, and counts it. */
  strikes(fault: FaultClass, scale = 1): boolean {
    if (this.isCalm || !this.random.chance(this.rates[fault] * scale)) return false;
    this.count(fault);
    return true;
  }

  count(fault: FaultClass): void {
    this.counts[fault]++;
    this.note(() => `fault ${fault}`);
  }

  get liveServers(): Server[] {
    return this.servers.filter((server) => server.isAlive);
  }

  /** Carries a wake-up to some server, or loses it, or brings it twice, perhaps both to one server at one instant. */
  carry(wake: Wake, run: (server: Server, id: OperationId) => void): void {
    const deliver = (delay: number, times = 1) =>
      this.time.after(delay, () => {
        const live = this.liveServers;
        const target = live.length > 0 ? this.random.pick(live) : undefined;
        target?.later(0, () => {
          for (let time = 0; time < times; time++) run(target, wake.operation);
        });
      });
    const wait = Math.max(0, (wake.at ?? 0) - this.time.now);
    const delay = wait + this.random.between(1, 20);
    if (!this.strikes(0)) return deliver(delay);
    const what = this.random.between(0, 4);
    if (what === 0) return; // lost
    if (what === 1) return deliver(delay + this.random.between(1_000, 60_000));
    if (what > 2) return deliver(delay, 2);
    deliver(delay);
    deliver(delay + this.random.between(0, 50));
  }
}

/** One life of a server process. A dead one's promises never settle; a paused one's wait until it goes on. */
export class Server {
  readonly house: House;
  readonly node: string;
  readonly version: 1 | 2;
  isAlive = true;
  pausedUntil = 0;
  /** How far its clock is off. */
  skew = 0;
  onDeath: (() => void) | undefined;

  constructor(house: House, node: string, version: 1 | 2) {
    this.house = house;
    this.node = node;
    this.version = version;
  }

  later(ms: number, fire: () => void): void {
    this.house.time.after(ms, () => {
      if (!this.isAlive) return;
      if (this.house.time.now < this.pausedUntil) this.later(this.pausedUntil - this.house.time.now, fire);
      else fire();
    });
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.house.note(() => `${this.node} is killed`);
    this.onDeath?.();
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.house.time.now + ms);
    this.house.note(() => `${this.node} stands still for ${ms} ms`);
  }

  readonly clock: Clock = {
    now: () => this.house.time.now + this.skew,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        let isOver = false;
        const onAbort = () => {
          isOver = true;
          reject(signal!.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        this.later(ms, () => {
          if (isOver) return;
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
      }),
  };

  /** A call over the network to something outside that never forgets: it arrives after a while, and answers after another. */
  call<T>(body: () => T, signal?: AbortSignal): Promise<T> {
    const { random } = this.house;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.later(random.between(1, 8), () => {
        let settle: () => void;
        try {
          const result = body();
          settle = () => resolve(result);
        } catch (error) {
          settle = () => reject(error);
        }
        this.later(random.between(1, 8), settle);
      });
    });
  }

  /** The database as this server reaches it. */
  readonly store: Store = {
    dialect: "sqlite",
    tables: <Tables>(schema: string) => this.house.database.tables<Tables>(schema),
    batch: (queries: readonly Query[]) => {
      const compiled = queries.map((query) => query.compile());
      return new Promise<QueryResult[]>((resolve, reject) =>
        this.later(this.house.random.between(0, 3), () => this.#arrive(compiled, resolve, reject)),
      );
    },
  };

  #arrive(queries: readonly CompiledQuery[], resolve: (results: QueryResult[]) => void, reject: (error: unknown) => void): void {
    const { house } = this;
    const lost = () => unavailable("database_away", "The connection to the database is lost.");
    const writes = queries.some((query) => !query.sql.startsWith("select"));
    if (writes && house.time.now < house.diskFullUntil) return this.later(1, () => reject(unavailable("disk_full", "The disk is full.")));
    if (house.strikes(1)) {
      if (house.random.chance(0.5)) return this.kill();
      this.#execute(queries);
      return this.kill();
    }
    if (house.strikes(3)) {
      const how = house.random.between(0, 2);
      if (how === 0) return this.later(1, () => reject(lost()));
      if (how === 1) this.#execute(queries);
      else house.time.after(house.random.between(1, 400), () => this.#execute(queries)); // the server commits after all
      return this.later(1, () => reject(lost()));
    }
    if (house.strikes(4)) this.pause(house.random.between(31_000, 90_000));
    if (house.strikes(5)) {
      if (house.random.chance(0.3)) this.pause(house.random.between(31_000, 120_000));
      else this.skew += house.random.pick([-3_600_000, -45_000, 45_000, 3_600_000]);
    }
    if (house.strikes(10)) house.diskFullUntil = house.time.now + house.random.between(1_000, 40_000);
    const outcome = this.#execute(queries);
    this.later(house.random.between(0, 3), () => ("results" in outcome ? resolve(outcome.results) : reject(outcome.error)));
  }

  #execute(queries: readonly CompiledQuery[]): { results: QueryResult[] } | { error: unknown } {
    try {
      const results = this.house.database.batchNow(queries);
      this.#checkFences(queries);
      return { results };
    } catch (error) {
      return { error };
    }
  }

  /** What has just been committed must have come from whoever holds the operation: nothing of a zombie may get through. */
  #checkFences(queries: readonly CompiledQuery[]): void {
    for (const query of queries) {
      if (!query.sql.startsWith("update operations set state = s.to_state")) continue;
      const saves = JSON.parse(query.parameters[0] as string) as { saved: string; in_epoch: number; by_owner: string }[];
      for (const save of saves) {
        const row = this.house.database.batchNow([compiled("select epoch, owner from operations where id = ?", [save.saved])])[0]!
          .rows[0] as { epoch: number; owner: string };
        this.house.note(() => `${this.node} saved ${JSON.stringify(save)}`);
        if (row.epoch !== save.in_epoch || row.owner !== save.by_owner)
          this.house.violation(`${this.node} wrote ${save.saved} with epoch ${save.in_epoch}, which ${row.epoch} had taken over`);
      }
    }
  }
}

export const compiled = (sql: string, parameters: readonly unknown[]): CompiledQuery => ({
  sql,
  parameters,
  query: undefined as never,
  queryId: undefined as never,
});

export function createWakes(server: Server, run: (server: Server, id: OperationId) => void): Wakes {
  return {
    enlist: (write: Write, wake) => write.afterCommit(() => server.house.carry(wake, run)),
    send: async (wakes) => {
      await server.clock.sleep(1);
      for (const wake of wakes) server.house.carry(wake, run);
    },
  };
}
