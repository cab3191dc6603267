/**
 * The outside world: instances, builds and migrations that survive every server. It remembers what was really done, so
 * that the run can be judged by it, and it fails as real ones do.
 */
import { unavailable } from "../../errors/index.ts";
import { compiled, type House, type Server } from "./house.ts";

interface Instance {
  readonly key: string;
  readonly app: string;
  readonly readyAt: number;
  readonly flapsUntil: number;
}

export class Engine {
  readonly house: House;
  readonly instances = new Map<string, Instance>();
  /** What has been done, by key, with the time: a repeat with the same key does nothing. */
  readonly effects = new Map<string, number>();
  readonly timesDone = new Map<string, number>();
  #snapshot: readonly Instance[] = [];

  constructor(house: House) {
    this.house = house;
  }

  currentOf(app: string): string | undefined {
    const [row] = this.house.database.batchNow([compiled("select current from simulated_apps where app = ?", [app])])[0]!.rows as {
      current: string;
    }[];
    return row?.current;
  }

  /** An effect with an idempotency key, over the network. */
  change(server: Server, key: string, signal: AbortSignal, body: () => void): Promise<void> {
    const { house } = this;
    if (house.strikes(11, key.startsWith("create") ? 1 : 0)) return server.call(() => undefined, signal).then(() => untilAborted(signal));
    return server.call(() => {
      const trouble = house.strikes(6) ? house.random.between(0, 2) : undefined;
      if (trouble === 0) throw unavailable("engine_busy", "429: too many requests.");
      if (trouble === 1) throw unavailable("engine_broken", "503: come back later.");
      this.apply(key, body);
      if (house.strikes(2)) server.kill();
      if (trouble === 2) throw unavailable("engine_timeout", "The engine did not answer.");
    }, signal);
  }

  /** Asks for one thing by its key: engines answer that consistently. */
  has(server: Server, key: string, signal: AbortSignal): Promise<boolean> {
    return server.call(() => this.effects.has(key), signal);
  }

  /** Lists may be stale or lack something. */
  list(server: Server, app: string, signal: AbortSignal): Promise<readonly Instance[]> {
    return server.call(() => {
      const all = [...this.instances.values()].filter((instance) => instance.app === app);
      if (this.house.strikes(7))
        return this.house.random.chance(0.5) ? all.slice(1) : this.#snapshot.filter((instance) => instance.app === app);
      this.#snapshot = [...this.instances.values()];
      return all;
    }, signal);
  }

  /** Waits for news of an instance; the stream may end early, having told nothing. */
  async watch(server: Server, signal: AbortSignal): Promise<"news" | "gone"> {
    if (this.house.strikes(9)) return server.call(() => "gone" as const, signal);
    await server.clock.sleep(this.house.random.between(200, 2_000), signal);
    return "news";
  }

  isHealthy(instance: Instance): boolean {
    const { now } = this.house.time;
    if (now < instance.readyAt) return false;
    return now >= instance.flapsUntil || Math.floor(now / 700) % 2 === 0;
  }

  create(app: string, key: string): void {
    const { house } = this;
    const readyAt = house.time.now + house.random.between(500, 8_000);
    const flapsUntil = house.strikes(12) ? readyAt + house.random.between(2_000, 200_000) : 0;
    this.instances.set(key, { key, app, readyAt, flapsUntil });
  }

  remove(key: string): void {
    const instance = this.instances.get(key);
    if (!instance) return;
    if (this.currentOf(instance.app) === key)
      this.house.violation(`the healthy instance ${key} of ${instance.app} was removed while it was the one that serves`);
    this.instances.delete(key);
  }

  apply(key: string, body: () => void): void {
    if (this.effects.has(key)) return;
    this.effects.set(key, this.house.time.now);
    this.timesDone.set(key, (this.timesDone.get(key) ?? 0) + 1);
    this.house.note(() => `effect ${key}`);
    body();
  }

  forget(key: string): void {
    this.effects.delete(key);
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
