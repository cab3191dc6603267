/** Authenticated lists of 100 rows against a bare Hono server on the same database, in turn, under the same load. */
import { createHash } from "node:crypto";
import pg from "pg";
import type { StartedServer } from "../programs/server/testing.ts";
import { atLeast, atMost, median, type Benchmark, type Row } from "./measure.ts";
import { aSide, cpuMs } from "./processes.ts";
import { anAppsDirectory, claim, databaseUrl, manyApps, ourServer } from "./server.ts";
import type { BareLists } from "./sides/bare-lists.ts";
import type { Load, LoadResult } from "./sides/load.ts";

const count = 100;
const connections = 32;
const rounds = 5;
const seconds = 2.5;
/** Our server's own default. */
const poolSize = 10;

export const apiList: Benchmark = {
  name: "api-list",
  about: "authenticated lists of 100 apps and 100 operations against a bare Hono server",
  async run() {
    await using appsDirectory = await anAppsDirectory();
    await manyApps(appsDirectory.path, count);
    await using server = await ourServer({ env: { NORNS_APPS_DIR: appsDirectory.path, NORNS_REQUESTS_PER_MINUTE: "100000000" } });
    const { token } = await claim(server);
    const database = new pg.Client({ connectionString: await databaseUrl(server.home) });
    await database.connect();
    try {
      await seed(server, database, token);
      await using bare = await aSide<BareLists>("bare-lists.ts");
      await using load = await aSide<Load>("load.ts");
      const { port } = await bare.ask("listen", { databaseUrl: await databaseUrl(server.home), poolSize });
      const rows: Row[] = [];
      for (const path of ["/api/apps", `/api/operations?limit=${count}`]) {
        await requireSameBytes(path, token, server.port, port);
        const ours: Round[] = [];
        const theirs: Round[] = [];
        const sides = [
          { port: server.port, pid: server.child.pid!, to: ours },
          { port, pid: bare.pid, to: theirs },
        ];
        for (let round = 0; round <= rounds; round++)
          for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
            const before = await cpuMs(side.pid);
            const result = await load.ask("run", {
              port: side.port,
              path,
              headers: { authorization: `Bearer ${token}` },
              connections,
              seconds,
            });
            if (result.failed > 0)
              throw new Error(`${result.failed} of ${result.requests} requests failed at port ${side.port}: ${result.firstFailure}`);
            if (round > 0) side.to.push({ ...result, cpu: ((await cpuMs(side.pid)) - before) / result.requests });
          }
        const name = `GET ${path.split("?")[0]}, ${count} rows`;
        const [cpu, bareCpu] = [median(ours.map((one) => one.cpu)), median(theirs.map((one) => one.cpu))];
        const note = `CPU-ms a request ${cpu.toFixed(3)} against ${bareCpu.toFixed(3)}`;
        rows.push(
          {
            ...atLeast(
              name,
              median(ours.map((one) => one.perSecond)),
              median(theirs.map((one) => one.perSecond)),
              1,
              "req/s",
              "≥ 1.0 × bare Hono",
            ),
            note,
          },
          atMost(`${name}, p99`, median(ours.map((one) => one.p99)), median(theirs.map((one) => one.p99)), "ms", "no worse than bare Hono"),
        );
      }
      return rows;
    } finally {
      await database.end();
    }
  },
};

type Round = LoadResult & { readonly cpu: number };

/** The same rows for both: our operations as they are, and the apps' answer field by field as columns of a table. */
async function seed(server: StartedServer, database: pg.Client, token: string): Promise<void> {
  const asPerson = { headers: { authorization: `Bearer ${token}` } };
  let apps: Record<string, unknown>[] = [];
  for (let tries = 0; apps.length < count && tries < 100; tries++) {
    apps = (await (await server.fetch("/api/apps", asPerson)).json()) as Record<string, unknown>[];
    if (apps.length < count) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (apps.length < count) throw new Error(`Only ${apps.length} of ${count} apps were found.`);
  const [me] = (await (await server.fetch("/api/workspaces", asPerson)).json()) as { id: string }[];
  const workspace = me!.id;

  await database.query("create schema bench");
  await database.query("create table bench.sessions (token_hash text primary key, workspace text not null, expires_at bigint not null)");
  await database.query(
    "insert into bench.sessions select md5(n::text), $1, $2::bigint from generate_series(1, 1000) as n union all select $3, $1, $2::bigint",
    [workspace, Date.now() + 3_600_000, createHash("sha256").update(token).digest("hex")],
  );
  const fields = Object.keys(apps[0]!);
  const typeOf = (value: unknown) => (typeof value === "boolean" ? "boolean" : typeof value === "string" ? "text" : "json");
  await database.query(
    `create table bench.apps (workspace text not null, name text not null, ${fields.map((field) => `"${field}" ${typeOf(apps[0]![field])}`).join(", ")}, primary key (workspace, name))`,
  );
  for (const [index, app] of apps.entries())
    await database.query(`insert into bench.apps values (${["$1", "$2", ...fields.map((_, at) => `$${at + 3}`)].join(", ")})`, [
      workspace,
      String(index).padStart(4, "0"),
      ...fields.map((field) => (typeOf(app[field]) === "json" ? JSON.stringify(app[field]) : app[field])),
    ]);
  await database.query(
    `insert into kernel.operations (id, name, queue, category, workspace, subject, state, steps, step, input, actor, attempt, epoch, revision, losses, created_at, started_at, updated_at, finished_at)
     select 'op_' || lpad(n::text, 26, '0'), 'apps.deploy', 'app-deployments', 'deploy', $1, 'app:app-' || lpad((n % 100)::text, 3, '0'), 'succeeded',
       '["clone","build","test","snapshot","migrate","submit","healthy","forge","cleanup"]', 'cleanup', '{"app":"app","ref":"HEAD"}', 'ada@example.org', 1, 1, 10, 0,
       $2::bigint + n * 1000, $2::bigint + n * 1000 + 5, $2::bigint + n * 1000 + 9000, $2::bigint + n * 1000 + 9000
     from generate_series(1, $3::int) as n`,
    [workspace, Date.now() - 86_400_000, count],
  );
  await database.query("analyze");
}

async function requireSameBytes(path: string, token: string, ours: number, theirs: number): Promise<void> {
  const [left, right] = await Promise.all(
    [ours, theirs].map(
      async (port) => await (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } })).text(),
    ),
  );
  if (left !== right)
    throw new Error(`The two sides of ${path} do not answer the same bytes:\n${left!.slice(0, 600)}\n${right!.slice(0, 600)}`);
}
