/**
 * The least that an authenticated list can be: Hono, one prepared look-up of the session, one prepared query of the rows,
 * `JSON.stringify`. No error handling, no limits, no roles, no log. Answers the bytes that our server answers.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import pg from "pg";
import { answerParent } from "./answer.ts";

pg.types.setTypeParser(20, Number);

let server: Server | undefined;
let pool: pg.Pool | undefined;

async function listen({ databaseUrl, poolSize }: { databaseUrl: string; poolSize: number }): Promise<{ port: number }> {
  const database = (pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize }));
  const app = new Hono<{ Variables: { workspace: string } }>();
  app.use("/api/*", async (context, next) => {
    const token = context.req.header("authorization")?.slice("Bearer ".length) ?? "";
    const { rows } = await database.query<{ workspace: string }>({
      name: "session",
      text: "select workspace from bench.sessions where token_hash = $1 and expires_at > $2",
      values: [createHash("sha256").update(token).digest("hex"), Date.now()],
    });
    if (!rows[0]) return context.json({ error: "unauthenticated" }, 401);
    context.set("workspace", rows[0].workspace);
    await next();
  });
  app.get("/api/apps", async (context) => {
    const { rows } = await database.query({ name: "apps", text: await textOf(database, "apps"), values: [context.var.workspace] });
    return context.json(rows);
  });
  app.get("/api/operations", async (context) => {
    const { rows } = await database.query({
      name: "operations",
      text: operationsText,
      values: [context.var.workspace, Number(context.req.query("limit"))],
    });
    return context.json(rows);
  });
  const answer = getRequestListener(app.fetch);
  const listening = (server = createServer((request, response) => void answer(request, response)));
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return { port: (listening.address() as AddressInfo).port };
}

const operationsText = `
  select id, id as "sagaId", seq, name, queue, category, workspace, subject, state, actor, attempt,
    created_at as "createdAt", started_at as "startedAt", updated_at as "updatedAt", finished_at as "finishedAt"
  from kernel.operations where workspace = $1 order by seq desc limit $2`;

/** The columns of bench.apps are the fields of the answer, in its order. */
let appsText: string | undefined;
async function textOf(database: pg.Pool, table: string): Promise<string> {
  if (appsText) return appsText;
  const { rows } = await database.query<{ name: string }>(
    "select column_name as name from information_schema.columns where table_schema = 'bench' and table_name = $1 order by ordinal_position offset 2",
    [table],
  );
  return (appsText = `select ${rows.map(({ name }) => `"${name}"`).join(", ")} from bench.${table} where workspace = $1 order by name`);
}

const handlers = { listen };
export type BareLists = typeof handlers;
answerParent(handlers, async () => {
  server?.close();
  await pool?.end();
});
