import { Miniflare } from "miniflare";
import { openD1, type D1Binding } from "@norns/adapters/stores/d1";
import { migrate } from "../database/index.ts";
import { kernelMigrations } from "../events/index.ts";
import type { OperationId } from "../ids/index.ts";
import { describeLedger, type LedgerHome } from "./conformance.ts";
import { ledgerMigrations } from "./migrations/index.ts";
import type { Wake } from "./wakes.ts";

describeLedger("D1", async () => {
  const miniflare = new Miniflare({
    modules: true,
    script: "export default { fetch: () => new Response() }",
    d1Databases: { DB: "ledger" },
  });
  // miniflare's binding is a proxy with the same methods as the real one.
  const store = openD1((await miniflare.getD1Database("DB")) as unknown as D1Binding);
  await migrate(store, [kernelMigrations, ledgerMigrations]);
  return { store, transport: timers(), close: () => miniflare.dispose() };
});

/** What Cloudflare's queues do, with timers: after the commit, at least once, not before its time. */
function timers(): LedgerHome["transport"] {
  const listeners = new Map<string, (operation: OperationId) => void>();
  const deliver = (wake: Wake) => setTimeout(() => listeners.get(wake.queue)?.(wake.operation), Math.max(0, (wake.at ?? 0) - Date.now()));
  return {
    enlist: (write, wake) => write.afterCommit(() => void deliver(wake)),
    send: async (wakes) => wakes.forEach(deliver),
    async listen(queues, handle) {
      const stopping = new AbortController();
      const running = new Set<Promise<void>>();
      const take = (operation: OperationId) => {
        const run = handle(operation, stopping.signal).finally(() => running.delete(run));
        running.add(run);
      };
      for (const { queue } of queues) listeners.set(queue, take);
      return {
        async stop() {
          for (const { queue } of queues) listeners.delete(queue);
          stopping.abort();
          await Promise.all(running);
        },
      };
    },
  };
}
