/**
 * Watches the steps while they run: nobody else may run under the same claim, nobody may run without the lock, and what
 * a probe would have found must not be done again.
 */
import type { StepContext } from "../contract.ts";
import type { Engine } from "./engine.ts";
import { compiled, type House, type Server } from "./house.ts";

export class Tries {
  readonly #house: House;
  readonly #engine: Engine;
  readonly #running = new Map<string, Server>();
  readonly #calls = new Map<string, number[]>();

  constructor(house: House, engine: Engine) {
    this.#house = house;
    this.#engine = engine;
  }

  /** A worker is asked to run an operation. Whatever was done before this moment its probes can see. */
  async call(server: Server, id: string, run: () => Promise<void>): Promise<void> {
    const key = `${server.node} ${id}`;
    const starts = this.#calls.get(key) ?? [];
    const start = this.#house.time.now;
    starts.push(start);
    this.#calls.set(key, starts);
    const onDeath = server.onDeath;
    server.onDeath = () => {
      onDeath?.();
      this.#calls.delete(key);
    };
    await run();
    starts.splice(starts.indexOf(start), 1);
  }

  async during<T>(server: Server, context: StepContext<unknown>, body: () => Promise<T>): Promise<T> {
    const { id, epoch } = context.operation;
    const key = `${id} ${epoch}`;
    this.#house.note(() => `${server.node} runs ${key}`);
    if (this.#running.get(key)?.isAlive) this.#house.violation(`two run ${id} under one claim (epoch ${epoch})`);
    this.#checkLock(id, epoch);
    this.#running.set(key, server);
    try {
      return await body();
    } finally {
      this.#running.delete(key);
    }
  }

  mustNotRepeat(server: Server, context: StepContext<unknown>, effect: string): void {
    const at = this.#engine.effects.get(effect);
    const asked = Math.min(...(this.#calls.get(`${server.node} ${context.operation.id}`) ?? []));
    if (at !== undefined && at < asked) this.#house.violation(`"${effect}" is done again without having been asked for`);
  }

  #checkLock(id: string, epoch: number): void {
    const sql =
      "select o.epoch, o.lock, l.operation as holder from operations as o left join operation_locks as l on l.lock = o.lock where o.id = ?";
    const row = this.#house.database.batchNow([compiled(sql, [id])])[0]!.rows[0] as {
      epoch: number;
      lock: string | null;
      holder: string | null;
    };
    if (row.epoch === epoch && row.lock !== null && row.holder !== id)
      this.#house.violation(`${id} runs, but its lock is held by ${row.holder}`);
  }
}
