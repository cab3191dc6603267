/**
 * What should run, in memory: read whole when its version has moved, changed at once by what this process commits. A
 * server process of its own learns of another's change within its next poll.
 */
import type { AppName } from "@norns/kernel/ids";
import type { CurrentRelease } from "./current-release.ts";
import type { Scales } from "../processes.ts";
import type { ProcessesStore } from "../store.ts";

const noScales: Scales = {};

export class Desired {
  readonly #store: ProcessesStore;
  #version = -1;
  #current = new Map<AppName, CurrentRelease>();
  #scales = new Map<AppName, Scales>();

  constructor(store: ProcessesStore) {
    this.#store = store;
  }

  get isLoaded(): boolean {
    return this.#version >= 0;
  }

  currentOf(app: AppName): CurrentRelease | undefined {
    return this.#current.get(app);
  }

  scalesOf(app: AppName): Scales {
    return this.#scales.get(app) ?? noScales;
  }

  all(): Iterable<CurrentRelease> {
    return this.#current.values();
  }

  /** What this process has just committed; the next read confirms it. */
  setCurrent(next: CurrentRelease): void {
    this.#current.set(next.app, next);
  }

  setScale(app: AppName, process: string, count: number): void {
    this.#scales.set(app, { ...this.scalesOf(app), [process]: count });
  }

  drop(app: AppName): void {
    this.#current.delete(app);
    this.#scales.delete(app);
  }

  /** True when something was different. The version is read first: a change between the reads is found by the next poll. */
  async refresh(): Promise<boolean> {
    const version = await this.#store.version();
    if (version === this.#version) return false;
    const [current, scales] = await Promise.all([this.#store.list(), this.#store.listScales()]);
    // An unchanged release keeps its object, so that what was derived from it stays valid.
    this.#current = new Map(current.map((row) => [row.app, this.#same(row)]));
    this.#scales = new Map(scales);
    this.#version = version;
    return true;
  }

  #same(row: CurrentRelease): CurrentRelease {
    const before = this.#current.get(row.app);
    return before?.release === row.release && before.switchedAt === row.switchedAt ? before : row;
  }
}
