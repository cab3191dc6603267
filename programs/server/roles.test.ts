/** Two APIs and two workers on one database: what one answers another knows, and what one worker drops another takes up. */
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { aHome, aStartedServer, type StartedServer } from "./testing.ts";

const spec = `name: hello
processes:
  web:
    port: 3000
    command: node server.js
    health:
      path: /
`;
const program = `require("node:http").createServer((_, answer) => answer.end("hello")).listen(process.env.PORT, process.env.HOST);\n`;

async function anAppsDirectory(home: string): Promise<string> {
  const apps = join(home, "apps");
  await mkdir(join(apps, "hello"), { recursive: true });
  await writeFile(join(apps, "hello", "infraspec.yaml"), spec);
  await writeFile(join(apps, "hello", "server.js"), program);
  return apps;
}

const post = async (server: StartedServer, path: string, body: unknown = {}) => {
  const answer = await server.fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  return { status: answer.status, body: (await answer.json()) as { operationId: string } };
};

const untilEnded = async (server: StartedServer, id: string): Promise<string> => {
  for (;;) {
    const { state } = (await (await server.fetch(`/api/operations/${id}`)).json()) as { state: string };
    if (!["queued", "running", "retrying", "undoing"].includes(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const bodyOf = (server: StartedServer, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: server.port, headers: { host } }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve(text));
    });
    sent.once("error", reject);
    sent.end();
  });

describe("two APIs and two workers on one database", () => {
  it("deploy through one, serve through both, and go on when a worker is killed", { timeout: 120_000 }, async () => {
    await using place = await aHome();
    await using db = await aDatabase([]);
    const env = {
      DATABASE_URL: db.url,
      NORNS_APPS_DIR: await anAppsDirectory(place.home),
      NORNS_LEASE_MS: "3000",
      NORNS_DATABASE_POOL: "4",
    };
    const start = (role: string) => aStartedServer({ home: place.home, env, args: ["--role", role], servesHttp: role === "api" });
    await using one = await start("api");
    await using two = await start("api");
    await using left = await start("worker");
    await using right = await start("worker");

    const first = await post(one, "/api/apps/hello/deploy");
    expect(first.status).toBe(202);
    expect(await untilEnded(two, first.body.operationId)).toBe("succeeded");
    for (const server of [one, two]) await expect.poll(() => bodyOf(server, "hello.localhost"), { timeout: 5_000 }).toBe("hello");

    left.child.kill("SIGKILL");
    await left.exited;
    for (let round = 0; round < 3; round++) {
      const next = await post(round % 2 === 0 ? one : two, "/api/apps/hello/restart");
      expect(await untilEnded(one, next.body.operationId)).toBe("succeeded");
    }
    for (const server of [right, one, two]) expect(await server.stop()).toBe(0);
  });

  it("refuse a worker of a queue that there is not", async () => {
    await using db = await aDatabase([]);
    await expect(
      aStartedServer({ env: { DATABASE_URL: db.url }, args: ["--role", "worker", "--queues", "nothing"], servesHttp: false }),
    ).rejects.toThrow(/--queues names nothing; there are app-deployments/);
  });
});
