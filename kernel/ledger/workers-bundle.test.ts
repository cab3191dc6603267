import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, onTestFinished, test } from "vitest";

/** The ledger as a Worker has it: what is started in one request is carried on in others, whose memory is not the same. */
const worker = `
import { z } from "zod";
import { openD1 } from "@norns/adapters/stores/d1";
import { systemClock } from "@norns/kernel/clock";
import { migrate, Write } from "@norns/kernel/database";
import { unavailable } from "@norns/kernel/errors";
import { createEvents, kernelMigrations, subject } from "@norns/kernel/events";
import { systemIdSource } from "@norns/kernel/ids";
import { createLedger, createSweeper, createWorker, defineOperation, done, ledgerMigrations } from "@norns/kernel/ledger";
import { silentLog } from "@norns/kernel/log";

function open(env) {
  const store = openD1(env.DB);
  const effect = async (key) => void (await env.DB.prepare("insert into effects (name) values (?)").bind(key).run());
  const wasDone = async (key) => (await env.DB.prepare("select count(*) as n from effects where name = ?").bind(key).first()).n > 0;
  const retry = { tries: 3, backoffMs: 20, factor: 1 };
  const release = defineOperation({
    name: "test.release", queue: "releases", category: "release", input: z.object({ app: z.string() }), announcesSteps: true,
    lock: ({ app }) => app,
    steps: [
      { name: "build", timeoutMs: 5000, run: async ({ input }) => (await effect("build " + input.app), done({ image: input.app + ":1" })) },
      {
        name: "submit", timeoutMs: 5000, retry,
        async run({ outputOf }) {
          await effect("submit " + outputOf("build").image);
          throw unavailable("engine_silent", "The engine did not answer."); // although it did it
        },
        probe: async ({ outputOf }) => ((await wasDone("submit " + outputOf("build").image)) ? done("found") : undefined),
      },
      {
        name: "tell", timeoutMs: 5000, retry,
        async run({ operation }) {
          if (operation.attempt === 1) throw unavailable("mail_away", "Away.");
          return done("told");
        },
      },
    ],
  });
  const wakes = [];
  const transport = { enlist: (write, wake) => write.afterCommit(() => void wakes.push(wake)), send: async (more) => void wakes.push(...more) };
  const shared = { store, events: createEvents({ store }), transport, clock: systemClock, ids: systemIdSource, log: silentLog };
  const ledger = createLedger(shared);
  const node = "node_00000000000000000000000000";
  return { store, wakes, ledger, release, events: shared.events, sweeper: createSweeper(shared), worker: createWorker({ ...shared, definitions: [release], node }) };
}

const paths = {
  async "/start"({ store, ledger, release }, env) {
    await migrate(store, [kernelMigrations, ledgerMigrations]);
    await env.DB.exec("create table effects (name text not null)");
    const write = new Write();
    const actor = { label: "ada" };
    const id = ledger.start(write, { definition: release, input: { app: "hello" }, workspace: "ws_a", subject: subject("app", "hello"), actor });
    await write.commit(store);
    return { id };
  },
  /** One delivery; what is to be delivered next. */
  async "/run"({ worker, wakes }, env, id) {
    await worker.run(id, new AbortController().signal);
    return { wakes };
  },
  async "/sweep"({ sweeper }) {
    return { sent: await sweeper.sweep() };
  },
  async "/found"({ ledger, events }, env, id) {
    const actions = (await events.list({ operation: id, limit: 50, order: "asc" })).events.map((event) => event.action);
    const effects = (await env.DB.prepare("select name from effects").all()).results.map((row) => row.name);
    return { operation: await ledger.find(id), actions, effects };
  },
};

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    return Response.json(await paths[pathname](open(env), env, searchParams.get("id")));
  },
};
`;

test("it bundles for Workers and runs an operation to its end there: three steps, a retry, a probe", { timeout: 60_000 }, async () => {
  const { outputFiles } = await build({
    stdin: { contents: worker, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    external: ["node:crypto", "node:async_hooks", "node:buffer"],
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-01-01",
    compatibilityFlags: ["nodejs_compat"],
    d1Databases: ["DB"],
  });
  onTestFinished(() => miniflare.dispose());
  const ask = async (path: string): Promise<Record<string, unknown>> => {
    const response = await miniflare.dispatchFetch(`http://worker${path}`);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as Record<string, unknown>;
  };

  const { id } = await ask("/start");
  expect(await ask("/sweep")).toEqual({ sent: 0 });
  for (let delivery = 1; delivery <= 3; delivery++) {
    // The first try of "submit" fails, its second finds the effect of the first; then "tell" fails once.
    const { wakes } = await ask(`/run?id=${String(id)}`);
    expect(wakes).toHaveLength(delivery < 3 ? 1 : 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await ask(`/found?id=${String(id)}`)).toMatchObject({
    operation: {
      state: "succeeded",
      epoch: 3,
      steps: [
        { name: "build", state: "done", attempt: 1, output: { image: "hello:1" } },
        { name: "submit", state: "done", attempt: 2, output: "found" },
        { name: "tell", state: "done", attempt: 2, output: "told" },
      ],
    },
    actions: [
      "release.start",
      ...["step.start", "step.complete"], // build
      ...["step.start", "step.failed", "step.start", "step.complete"], // submit
      ...["step.start", "step.failed", "step.start", "step.complete"], // tell
      "release.complete",
    ],
    effects: ["build hello", "submit hello:1"],
  });
});
