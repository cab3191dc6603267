/**
 * Keeps instances within their memory where no cgroup does. Every 2 s the processes known of each instance are asked
 * for what they alone hold (one read of memory a process); every 10 s, and after any change, their trees are looked up
 * anew. A little over the limit is forgiven once, far over never.
 */
import { listStats, privateBytes } from "./processes.ts";
import type { Supervised } from "./instance.ts";

const tickMs = 2_000;
const ticksPerLook = 5;
const megabyte = 1024 * 1024;

export class Watchdog {
  readonly #instances: () => Iterable<Supervised>;
  readonly #pids = new Map<Supervised, number[]>();
  readonly #wasOver = new WeakSet<Supervised>();
  #timer: NodeJS.Timeout | null = null;
  #ticks = 0;

  constructor(instances: () => Iterable<Supervised>) {
    this.#instances = instances;
  }

  /** Call at every change: starts with the first instance, ends with the last, looks anew at the next tick. */
  wake(): void {
    this.#ticks = 0;
    const isNeeded = [...this.#instances()].some(({ record }) => record.phase === "running");
    if (isNeeded && !this.#timer) {
      this.#timer = setInterval(() => this.#tick(), tickMs);
      this.#timer.unref();
    } else if (!isNeeded) this.stop();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.#pids.clear();
  }

  #tick(): void {
    if (this.#ticks++ % ticksPerLook === 0) {
      const stats = listStats();
      this.#pids.clear();
      for (const one of this.#instances()) {
        if (one.record.phase === "running")
          this.#pids.set(
            one,
            one.tree(stats).map(({ pid }) => pid),
          );
      }
    }
    for (const [one, pids] of this.#pids) {
      if (one.record.phase !== "running") continue;
      const limit = one.record.group.memoryMb * megabyte;
      let used = 0;
      for (const pid of pids) used += privateBytes(pid);
      if (used <= limit * 1.05) {
        this.#wasOver.delete(one);
        continue;
      }
      if (used < limit * 1.5 && !this.#wasOver.has(one)) {
        this.#wasOver.add(one);
        continue;
      }
      this.#wasOver.delete(one);
      one.kill(`used ${Math.ceil(used / megabyte)} MB of ${one.record.group.memoryMb} MB`);
    }
  }
}
