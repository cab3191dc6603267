import { Miniflare } from "miniflare";
import { openD1, type D1Binding, type D1Result, type D1Statement } from "@norns/adapters/stores/d1";
import { migrate } from "../database/index.ts";
import { kernelMigrations } from "../events/index.ts";
import type { OperationId } from "../ids/index.ts";
import { describeLedger, type LedgerHome } from "./conformance.ts";
import { ledgerMigrations } from "./migrations/index.ts";
import type { Wake } from "./wakes.ts";

describeLedger("D1", async () => {
  const miniflare = new Miniflare({
    modules: true,
    script: behindBinding,
    d1Databases: { DB: "ledger" },
  });
  const store = openD1(bindingOf(miniflare));
  await migrate(store, [kernelMigrations, ledgerMigrations]);
  return { store, transport: timers(), many: 100, close: () => miniflare.dispose() };
});

/**
 * The other end of the binding, inside workerd. miniflare's own proxy asks workerd at each `prepare` and each `bind`,
 * and stands still meanwhile: ten questions for a batch of five. This is one a batch.
 */
const behindBinding = `export default {
  async fetch(request, env) {
    const statements = (await request.json()).map(({ sql, values }) => env.DB.prepare(sql).bind(...values));
    try {
      const results = await env.DB.batch(statements);
      return Response.json(results.map(({ results, meta }) => ({ results, meta: { changes: meta.changes } })));
    } catch (error) {
      return new Response(String(error?.message), { status: 500 });
    }
  },
}`;

function bindingOf(miniflare: Miniflare): D1Binding {
  type Sent = D1Statement & { readonly sql: string; readonly values: readonly unknown[] };
  const send = async (statements: readonly Sent[]): Promise<D1Result[]> => {
    const body = JSON.stringify(statements.map(({ sql, values }) => ({ sql, values })));
    const answer = await miniflare.dispatchFetch("http://d1/", { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as D1Result[];
  };
  const prepare = (sql: string, values: readonly unknown[] = []): Sent => {
    const statement: Sent = { sql, values, bind: (...given) => prepare(sql, given), all: async () => (await send([statement]))[0]! };
    return statement;
  };
  return { prepare: (sql) => prepare(sql), batch: (statements) => send(statements as Sent[]) };
}

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
