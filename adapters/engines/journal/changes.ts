/** Wakes a follower when one of its directories changes. inotify where it can, looking again every second where not. */
import { watch, type FSWatcher } from "node:fs";

export class Changes implements AsyncDisposable {
  readonly #watchers = new Map<string, FSWatcher | null>();
  #wake: (() => void) | null = null;
  #isChanged = true;

  /** Also watches this directory. One that does not exist (yet) is looked at every second by the caller's own loop. */
  add(directory: string): void {
    if (this.#watchers.get(directory)) return;
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#changed());
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.set(directory, null);
      });
      this.#watchers.set(directory, watcher);
    } catch {
      // Not there yet, or no watch left on this machine: `wait` ends after a second anyway.
      this.#watchers.set(directory, null);
    }
  }

  remove(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  /** Until something changed since the last wait, for a second at most, or until aborted. Never rejects. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isChanged && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          this.#wake = null;
          resolve();
        };
        const timer = setTimeout(done, 1000);
        this.#wake = done;
        signal.addEventListener("abort", done, { once: true });
      });
    }
    this.#isChanged = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const watcher of this.#watchers.values()) watcher?.close();
    this.#watchers.clear();
    return Promise.resolve();
  }

  #changed(): void {
    this.#isChanged = true;
    this.#wake?.();
  }
}
