/** Follows the daemon's events. They are not replayed after a break, so each new connection counts as a change. */
import type { Clock } from "@norns/kernel/clock";
import type { Log } from "@norns/kernel/log";
import { labels } from "./requests.ts";
import { type Daemon, jsonLines } from "./transport.ts";

/** Of what the daemon tells, these change what `observe` answers; `exec_*`, `top`, `resize` do not. */
const telling = new Set(["create", "start", "die", "destroy", "pause", "unpause", "oom", "update", "stop", "kill"]);

export function createWatch(deps: { daemon: Daemon; clock: Clock; log: Log; installation: string; onChange: () => Promise<void> }) {
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  const { signal } = closing;
  let running: Promise<void> | undefined;
  let turn: Promise<void> | undefined;
  let isAgain = false;

  /** Our own look first (collecting follows from it), then the listeners; calls that come meanwhile become one more. */
  function changed(): void {
    isAgain = true;
    turn ??= (async () => {
      while (isAgain && !signal.aborted) {
        isAgain = false;
        await deps
          .onChange()
          .catch((thrown: unknown) =>
            deps.log.debug({ error: String(thrown) }, "looking at the containers failed; the next event or break tries again"),
          );
        for (const listener of listeners) listener();
      }
      turn = undefined;
    })();
  }

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const filters = { type: ["container"], label: [`${labels.installation}=${deps.installation}`] };
        const body = await deps.daemon.stream("GET", "/events", { query: { filters }, signal });
        failures = 0;
        changed();
        for await (const event of jsonLines<{ Action?: string }>(body)) if (telling.has((event.Action ?? "").split(":")[0]!)) changed();
      } catch (thrown) {
        if (signal.aborted) return;
        deps.log.debug({ failures, error: String(thrown) }, "the daemon's events broke off and are followed again");
      }
      changed();
      await deps.clock.sleep(Math.min(100 * 2 ** failures, 5000), signal).catch(() => {});
    }
  }

  const start = (): void => void (running ??= run());
  return {
    start,
    add(onChange: () => void, until: AbortSignal): void {
      if (until.aborted || signal.aborted) return;
      start();
      listeners.add(onChange);
      until.addEventListener("abort", () => listeners.delete(onChange), { once: true });
    },
    async close(): Promise<void> {
      closing.abort();
      await running;
      await turn;
      listeners.clear();
    },
  };
}
