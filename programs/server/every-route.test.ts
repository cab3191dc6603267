/** Every route and every socket of the whole server, called by the one who may and by all who may not. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import { expect, it } from "vitest";
import { aCast, identityRecipes, snapshotOf, tryEveryRoute } from "@norns/capabilities/identity/truth";
import { listRoutes } from "@norns/kernel/http";
import type { OperationId } from "@norns/kernel/ids";
import { describedRouter } from "./compose/routes.ts";
import { serverRecipes } from "./fixtures/recipes.ts";
import { aSource, aWholeServer, helloFiles, type WholeServer } from "./fixtures/whole-server.ts";
import { socketPaths } from "./sockets/index.ts";

/** Tables that a refused call may change: a refusal is counted against its sender. */
const mayChange = ["kernel.rate_limits"];

async function tablesOf({ state }: WholeServer): Promise<(readonly [schema: string, table: string])[]> {
  const { rows } = await state.store.pool.query<{ schema: string; name: string }>(
    "select table_schema as schema, table_name as name from information_schema.tables where table_schema in ('kernel', 'apps') order by 1, 2",
  );
  return rows.flatMap(({ schema, name }) => (mayChange.includes(`${schema}.${name}`) ? [] : [[schema, name] as const]));
}

/** Asks under an address of its own each time: an address that brings bad credentials is soon told to wait. */
let callers = 0;
const fromAnother = (): Record<string, string> => ({
  "x-forwarded-for": `10.${(++callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`,
});

/** What the installation is given and keeps: no answer to anybody holds any of it. */
const given = {
  NORNS_GIT_TOKEN: "git-token-of-this-installation",
  NORNS_API_TOKEN: "api-token-of-this-installation",
  NORNS_JWT_SECRET: "signing-secret-of-this-installation-0123456789",
  NORNS_WORKSPACE_INVITE_SECRET: "invitation-secret-of-this-installation",
  NORNS_ENCRYPTION_KEY: "0123456789abcdef".repeat(4),
};

async function secretsOf({ home, state }: WholeServer): Promise<string[]> {
  const { token } = JSON.parse(await readFile(join(home, "credential"), "utf8")) as { token: string };
  return [...Object.values(given), token, /:\/\/[^:@/]*:([^@/]+)@/.exec(state.url)?.[1] ?? ""].filter((secret) => secret !== "");
}

it("[A1] [A2] [A3] [A4] [A5] [A8] [N7] [W1] [W2] [W5] lets the right one in on every route and socket and refuses everybody else exactly, changing nothing and telling no secret", async () => {
  await using server = await aWholeServer({ NORNS_TRUSTED_PROXIES: "127.0.0.1", ...given });
  const { url } = server;
  const cast = await aCast(server.doors);
  const asOwner = async (path: string, init: RequestInit): Promise<{ operationId: OperationId; ticket: string }> => {
    const answer = await fetch(url + path, { ...init, headers: { authorization: `Bearer ${cast.sessions.owner}`, ...init.headers } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { operationId: OperationId; ticket: string };
  };
  const post = (path: string, body: unknown = {}) =>
    asOwner(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const send = async (app: string, files: Readonly<Record<string, string>>): Promise<void> => {
    const { commit, tar } = await aSource(files);
    await asOwner(`/api/apps/${app}/source?commit=${commit}`, { method: "POST", body: tar });
  };

  // Something to steer: an app with two releases, deployments that failed. Then nothing works on operations any more.
  const worker = await server.startWorker();
  await send("hello", helloFiles("hello"));
  await send("broken", helloFiles("broken", "build: { command: exit 1 }\n"));
  const deploy = async (app: string, outcome: string): Promise<OperationId> => {
    const { operationId } = await post(`/api/apps/${app}/deploy`);
    expect([app, await server.ended(operationId)]).toEqual([app, outcome]);
    return operationId;
  };
  const [deployment] = [await deploy("hello", "succeeded"), await deploy("hello", "succeeded")];
  const failed = [await deploy("broken", "undone"), await deploy("broken", "undone")];
  await worker.stop();

  const tables = await tablesOf(server);
  const secrets = await secretsOf(server);
  const leaks: string[] = [];
  const verdict = await tryEveryRoute({
    routes: listRoutes(describedRouter()),
    cast,
    origin: url,
    async fetch(path, { headers, ...init }) {
      const answer = await fetch(url + path, { ...init, headers: { ...fromAnother(), ...headers } });
      if (answer.headers.get("content-type")?.includes("event-stream")) return answer;
      const text = await answer.text();
      for (const secret of secrets) if (text.includes(secret)) leaks.push(`${init.method} ${path}: ${secret}`);
      return new Response(answer.status === 204 || init.method === "HEAD" ? null : text, answer);
    },
    recipes: { ...identityRecipes(server.doors, cast), ...serverRecipes({ app: "hello", deployment: deployment!, failed, post, send }) },
    snapshot: async () =>
      `${await snapshotOf(server.state.store, tables)}\n\n${(await readdir(server.home, { recursive: true })).sort().join("\n")}`,
    sockets: {
      paths: socketPaths,
      connect: (path, headers) => connect(url.replace("http", "ws") + path, { ...fromAnother(), ...headers }),
      ticket: async (session) =>
        (await asOwner("/api/auth/tickets", { method: "POST", headers: { authorization: `Bearer ${session}` } })).ticket,
      expireTickets: async () => void (await server.state.store.pool.query("update identity.socket_tickets set expires_at = 1")),
    },
  });
  console.log(`${verdict.routes} routes, ${verdict.sockets} sockets, ${verdict.calls} calls`);
  expect(verdict.failures).toEqual([]);
  expect(leaks).toEqual([]);

  // What was walked is what is served.
  const { paths } = (await (await fetch(`${url}/api/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(listRoutes(describedRouter()).map(({ method, path }) => `${method} ${path}`)).toEqual(expect.arrayContaining(served));
  expect(verdict.routes).toBeGreaterThanOrEqual(served.length);
}, 240_000);

/** The status of the upgrade; 101 only when the socket was served its first message too. */
function connect(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers, handshakeTimeout: 10_000 });
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    socket.once("message", (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { type: string };
      socket.once("close", () => (type === "connected" ? resolve(101) : reject(new Error(`The first message was ${type}.`))));
      socket.close();
    });
    socket.on("error", (error) => (socket.readyState === WebSocket.OPEN ? reject(error) : undefined));
  });
}
