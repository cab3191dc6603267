/**
 * The watcher of one server process. A turn reads what should run (when its version has moved), asks the engines what
 * does, has the health of current instances watched, sets the routes, and where the two differ for a while starts an
 * operation that makes them equal again. Turns follow an engine's call, a change of health, and a slow clock.
 */
import type { Instance } from "@norns/adapters/engines";
import type { Ingress, Route } from "@norns/adapters/ingress";
import type { Clock } from "@norns/kernel/clock";
import type { AppName, InstanceId, NodeId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Board } from "../status/status-board.ts";
import type { CurrentRelease } from "../desired/current-release.ts";
import type { Desired } from "../desired/desired-state.ts";
import type { HealthWatch, Followed } from "../health/health-watch.ts";
import type { HeldOut } from "../routing/held-out.ts";
import { toRoutes } from "../routing/hostnames.ts";
import type { Observed } from "./observed.ts";
import type { Engines, HealthTurn } from "../processes.ts";
import { isAppHealthy } from "../status/app-status.ts";
import { differenceOf, isDifferent, placeName, type Difference } from "../desired/places.ts";
import { toWorkload } from "../desired/workload.ts";

export interface WatcherDeps {
  readonly engines: Engines;
  readonly ingresses: readonly Ingress[];
  readonly desired: Desired;
  readonly observed: Observed;
  readonly health: HealthWatch;
  readonly heldOut: HeldOut;
  readonly board: Board;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is done about what the watcher sees. */
export interface Answers {
  /** Starts the operation that restores an app, unless one is under way. */
  restore(current: CurrentRelease, difference: Difference): Promise<void>;
  /** An instance that belongs to no release in service. False: not told, an operation is at work on its app. */
  reportOrphan(instance: Instance): Promise<boolean>;
  /** Turned unhealthy: told once a turn. */
  reportUnhealthy(turn: HealthTurn): void;
}

/** How often other processes' changes are looked for. */
const pollMs = 1_000;
const breathMs = 25;
/** How often the engines are asked without having called. */
const observeMs = 5_000;
/** A difference this young may be an operation of which only one half is visible yet. */
const graceMs = 3_000;
const longestRestoreWaitMs = 5 * 60_000;

/** Per app: since when it differs, and when it may be restored (again). */
interface Deviation {
  readonly since: number;
  notBefore: number;
  waitMs: number;
}

export class Watcher {
  readonly #deps: WatcherDeps;
  #answers: Answers | undefined;
  readonly #deviations = new Map<AppName, Deviation>();
  readonly #orphans = new Set<InstanceId>();
  /** Was the current release of this app healthy at the last turn? */
  readonly #wasHealthy = new Map<AppName, { release: string; healthy: boolean }>();
  #routesText = "";
  #wake: (() => void) | undefined;
  #isWoken = false;
  #mustObserve = true;
  #running: Promise<void> | undefined;
  #isBlind = false;

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
    deps.heldOut.onChange(() => this.setRoutes());
    deps.health.onTurn(() => {
      deps.board.changed();
      this.lookSoon();
    });
  }

  /** Said before the first turn: the operations that answer what the watcher sees ask it to look again themselves. */
  answerBy(answers: Answers): void {
    this.#answers = answers;
  }

  /** An engine called, or instances were changed by an operation: look again soon. */
  readonly observeSoon = (): void => {
    this.#mustObserve = true;
    this.lookSoon();
  };

  readonly lookSoon = (): void => {
    this.#isWoken = true;
    this.#wake?.();
  };

  /** A whole turn, now. Concurrent calls share the next one. */
  async turn(): Promise<void> {
    this.#mustObserve = true;
    await this.#running;
    await (this.#running ??= this.#turn().finally(() => (this.#running = undefined)));
  }

  /** Sets the routes from what is known, at once. */
  setRoutes(): void {
    const { desired, observed, health, heldOut, ingresses } = this.#deps;
    if (ingresses.length === 0) return;
    const routes: Route[] = toRoutes(desired.all(), {
      instancesOf: (app) => observed.of(app),
      healthOf: (id) => health.healthOf(id),
      isHeldOut: (id) => heldOut.has(id),
      scalesOf: (app) => desired.scalesOf(app),
    });
    const text = JSON.stringify(routes);
    if (text === this.#routesText) return;
    this.#routesText = text;
    for (const ingress of ingresses) ingress.setRoutes(routes);
  }

  /** The first turn is over when this resolves; the rest goes on until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    for (const engine of Object.values(this.#deps.engines)) engine.watch(this.observeSoon, signal);
    await this.turn();
    signal.addEventListener("abort", () => this.#deps.health.stop(), { once: true });
    void this.#run(signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let observedAt = this.#deps.clock.now();
    while (!signal.aborted) {
      await this.#rest(signal);
      // An engine may call many times in one breath: one turn answers them all.
      await this.#deps.clock.sleep(breathMs, signal).catch(() => {});
      if (signal.aborted) return;
      if (Math.abs(this.#deps.clock.now() - observedAt) >= observeMs) this.#mustObserve = true;
      if (this.#mustObserve) observedAt = this.#deps.clock.now();
      try {
        await (this.#running ??= this.#turn().finally(() => (this.#running = undefined)));
        if (this.#isBlind) this.#deps.log.info({}, "The watcher sees the engines and the database again.");
        this.#isBlind = false;
      } catch (error) {
        // The database or a daemon is away: what was last seen stays, and the next turn looks again. Said once.
        if (!this.#isBlind) this.#deps.log.error({ error }, "The watcher could not look at what runs; it goes on trying.");
        this.#isBlind = true;
        this.#mustObserve = true;
        await this.#deps.clock.sleep(pollMs, signal).catch(() => {});
      }
    }
  }

  /** Until woken, or for one poll. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (!this.#isWoken) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await this.#deps.clock.sleep(pollMs, AbortSignal.any([signal, woken.signal])).catch(() => {});
      this.#wake = undefined;
    }
    this.#isWoken = false;
  }

  async #turn(): Promise<void> {
    const { desired, observed, health, heldOut, board, engines } = this.#deps;
    const hasNewDesire = await desired.refresh();
    let hasNewInstances = false;
    if (this.#mustObserve) {
      this.#mustObserve = false;
      const seen = await observed.refresh(engines);
      hasNewInstances = seen.hasChanged;
      for (const what of seen.fellSilent) this.#deps.log.info({}, `An engine does not answer; apps of others are not concerned. ${what}`);
      for (const engine of seen.spokeAgain) this.#deps.log.info({ engine }, "The engine answers again.");
      heldOut.keepOnly(observed.ids());
    }
    if (hasNewDesire || hasNewInstances) {
      health.follow(this.#followed());
      board.changed();
    }
    this.setRoutes();
    this.#tellTurns();
    await this.#restoreWhatDiffers();
    await this.#reportOrphans();
  }

  /** Instances of current releases, and those of others as long as they are up: an update's old side still serves. */
  #followed(): Followed[] {
    const { desired, observed } = this.#deps;
    return [...desired.all()].flatMap((current) => {
      const groups = toWorkload(current, desired.scalesOf(current.app)).groups;
      return observed.of(current.app).flatMap((instance) => {
        const group = groups.find(({ process }) => process === instance.process);
        return group ? [{ instance, group }] : [];
      });
    });
  }

  #tellTurns(): void {
    const { desired, observed, health } = this.#deps;
    for (const current of desired.all()) {
      const healthy = isAppHealthy(current, desired.scalesOf(current.app), {
        instances: observed.of(current.app),
        healthOf: (id) => health.healthOf(id),
      });
      const before = this.#wasHealthy.get(current.app);
      this.#wasHealthy.set(current.app, { release: current.release, healthy });
      if (before?.release === current.release && before.healthy && !healthy)
        this.#answers?.reportUnhealthy({ current, reason: this.#whatIsWrong(current) });
    }
  }

  #whatIsWrong(current: CurrentRelease): string {
    const { desired, observed, health } = this.#deps;
    const instances = observed.of(current.app);
    const { missing } = differenceOf(current, desired.scalesOf(current.app), instances);
    if (missing.length > 0) {
      const gone = instances.find(
        ({ release, process, index }) => release === current.release && process === missing[0]!.process && index === missing[0]!.index,
      );
      return gone?.exit
        ? `${placeName(missing[0]!)} exited with code ${gone.exit.code ?? "unknown"}`
        : `${placeName(missing[0]!)} is not running`;
    }
    const ill = instances.find(({ release, id }) => release === current.release && health.healthOf(id).isHealthy !== true);
    const look = ill && health.healthOf(ill.id).badLook;
    return ill
      ? `${placeName(ill)} ${look?.status ? `answers ${look.status}` : (look?.error ?? "is not healthy")}`
      : "an instance is not healthy";
  }

  /** A release was switched to by someone who saw it healthy. */
  noteHealthy(app: AppName, release: string): void {
    this.#wasHealthy.set(app, { release, healthy: true });
  }

  async #restoreWhatDiffers(): Promise<void> {
    const { desired, observed, engines, clock, node } = this.#deps;
    const now = clock.now();
    for (const current of desired.all()) {
      if (current.node !== node || !engines[current.engine] || observed.isSilent(current.engine)) continue;
      const difference = differenceOf(current, desired.scalesOf(current.app), observed.of(current.app));
      if (!isDifferent(difference)) {
        this.#deviations.delete(current.app);
        continue;
      }
      const deviation = this.#deviations.get(current.app) ?? { since: now, notBefore: now + graceMs, waitMs: graceMs };
      this.#deviations.set(current.app, deviation);
      if (now < deviation.notBefore) continue;
      deviation.waitMs = Math.min(deviation.waitMs * 2, longestRestoreWaitMs);
      deviation.notBefore = now + deviation.waitMs;
      await this.#answers?.restore(current, difference);
    }
  }

  async #reportOrphans(): Promise<void> {
    const { desired, observed, node } = this.#deps;
    const ids = observed.ids();
    for (const id of this.#orphans) if (!ids.has(id)) this.#orphans.delete(id);
    for (const instance of observed.all()) {
      if (instance.node !== node || desired.currentOf(instance.app) || this.#orphans.has(instance.id)) continue;
      if (await this.#answers?.reportOrphan(instance)) this.#orphans.add(instance.id);
    }
  }
}
