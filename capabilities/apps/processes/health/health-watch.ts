/**
 * Looks at instances from outside, each at its own pace, for as long as they are followed. A look costs one small
 * request every `health.interval`; what is undecided is looked at sooner (see judge.ts).
 */
import type { Group, Instance } from "@norns/adapters/engines";
import { probeOnce } from "@norns/adapters/engines/health";
import type { Clock } from "@norns/kernel/clock";
import type { InstanceId } from "@norns/kernel/ids";
import { unknownHealth, type Health, type Look } from "./health.ts";
import { judge, nextLookMs, surelyDown, surelyHealthy, unjudged, type Judgement } from "./judge.ts";

/** A worker has no port to look at: it counts as healthy once it has lived this long. */
export const workerAliveMs = 5_000;

export interface Followed {
  readonly instance: Instance;
  readonly group: Pick<Group, "kind" | "health" | "port">;
}

interface Watched extends Followed {
  judgement: Judgement;
  readonly stop: AbortController;
}

export class HealthWatch {
  readonly #clock: Clock;
  #onTurn = () => {};
  readonly #watched = new Map<InstanceId, Watched>();
  readonly #trusted = new Set<InstanceId>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called whenever an instance turns healthy or unhealthy. */
  onTurn(callback: () => void): void {
    this.#onTurn = callback;
  }

  healthOf(instance: InstanceId): Health {
    return this.#watched.get(instance)?.judgement ?? unknownHealth;
  }

  /** These were just seen healthy by whoever waited for them: they count as such from the first moment. */
  trust(instances: readonly InstanceId[]): void {
    for (const id of instances) {
      const watched = this.#watched.get(id);
      if (watched) this.#turn(watched, surelyHealthy);
      else this.#trusted.add(id);
    }
  }

  /** Follows exactly these from now on. An instance that was started again is judged anew. */
  follow(all: readonly Followed[]): void {
    const ids = new Set(all.map(({ instance }) => instance.id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#forget(id);
    for (const followed of all) {
      const before = this.#watched.get(followed.instance.id);
      if (before && isSameRun(before.instance, followed.instance)) continue;
      this.#forget(followed.instance.id);
      this.#begin(followed);
    }
  }

  stop(): void {
    for (const id of [...this.#watched.keys()]) this.#forget(id);
  }

  #begin(followed: Followed): void {
    const { id, state } = followed.instance;
    const isTrusted = this.#trusted.delete(id);
    const watched: Watched = {
      ...followed,
      judgement: isTrusted ? surelyHealthy : state === "exited" || state === "lost" ? surelyDown : unjudged,
      stop: new AbortController(),
    };
    this.#watched.set(id, watched);
    if (state !== "running") return;
    // Ends by its own signal alone; a look never throws.
    void this.#lookOn(watched, watched.stop.signal).catch((error: unknown) => {
      if (!watched.stop.signal.aborted) throw error;
    });
  }

  async #lookOn(watched: Watched, signal: AbortSignal): Promise<void> {
    const { health } = watched.group;
    if (watched.judgement.isHealthy) await this.#clock.sleep(health.intervalMs, signal);
    if (watched.group.kind === "worker" || !watched.instance.address) {
      const age = this.#clock.now() - watched.instance.startedAt;
      await this.#clock.sleep(Math.min(workerAliveMs, Math.max(0, workerAliveMs - age)), signal);
      return this.#turn(watched, surelyHealthy);
    }
    for (;;) {
      const look: Look = await probeOnce(watched.instance.address, health, signal);
      if (signal.aborted) return;
      this.#turn(watched, judge(watched.judgement, look));
      await this.#clock.sleep(nextLookMs(watched.judgement, health.intervalMs), signal);
    }
  }

  #turn(watched: Watched, next: Judgement): void {
    const before = watched.judgement;
    watched.judgement = next;
    if (before.isHealthy !== next.isHealthy) this.#onTurn();
  }

  #forget(id: InstanceId): void {
    this.#watched.get(id)?.stop.abort();
    this.#watched.delete(id);
  }
}

const isSameRun = (before: Instance, now: Instance): boolean =>
  before.handle === now.handle &&
  before.startedAt === now.startedAt &&
  before.state === now.state &&
  before.address?.port === now.address?.port &&
  before.address?.host === now.address?.host;
