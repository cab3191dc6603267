/** Loops that run beside the requests: started together, ended together, and never lost from sight. */
import type { Log } from "@norns/kernel/log";

export interface Background extends AsyncDisposable {
  /** Runs until the signal. A loop that ends with an error ends the server: half a server is worse than none. */
  run(name: string, loop: (signal: AbortSignal) => Promise<unknown>): void;
  readonly signal: AbortSignal;
}

export function createBackground(log: Log, onFailure: (error: unknown) => void): Background {
  const stop = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    signal: stop.signal,
    run(name, loop) {
      const work = loop(stop.signal)
        .catch((error: unknown) => {
          if (stop.signal.aborted) return;
          log.error({ error, loop: name }, "A part of the server ended by itself.");
          onFailure(error);
        })
        .finally(() => running.delete(work));
      running.add(work);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
