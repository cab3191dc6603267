/** `norns down` as the command calls it, and what the next start brings back. */
import { spawn } from "node:child_process";
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { aSource, helloFiles } from "./fixtures/whole-server.ts";
import type { Stopped } from "./down.ts";
import { aHome, aStartedServer, processesOf, type StartedServer } from "./testing.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function down(home: string): Promise<{ code: number | null; stdout: string; stderr: string; json(): Stopped }> {
  const child = spawn(process.execPath, [join(root, "scripts/run.mjs"), "programs/server/down.ts", "--json"], {
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", HOME: home, NORNS_HOME: home, NORNS_DOCKER_SOCKET: join(home, "no-docker.sock") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr, json: () => JSON.parse(stdout) as Stopped };
}

interface AppAnswer {
  readonly healthy: boolean;
  readonly release?: { readonly number: number };
  readonly allocations: readonly { readonly id: string; readonly state: string }[];
}

const appOf = async (server: StartedServer, name: string): Promise<AppAnswer> =>
  (await (await server.fetch(`/api/apps/${name}`)).json()) as AppAnswer;

async function untilHealthy(server: StartedServer, name: string): Promise<AppAnswer> {
  for (const until = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const app = await appOf(server, name);
    if (app.healthy) return app;
    if (Date.now() > until) throw new Error(`${name} is not healthy: ${JSON.stringify(app)}\n${server.output()}`);
  }
}

async function deploy(server: StartedServer, name: string): Promise<void> {
  const { commit, tar } = await aSource(helloFiles(name));
  const sent = await server.fetch(`/api/apps/${name}/source?commit=${commit}`, {
    method: "POST",
    body: tar,
    headers: { "content-type": "application/x-tar" },
  });
  expect(sent.status, await sent.clone().text()).toBeLessThan(300);
  const started = await server.fetch(`/api/apps/${name}/deploy`, {
    method: "POST",
    body: JSON.stringify({ ref: commit }),
    headers: { "content-type": "application/json" },
  });
  expect(started.status, await started.clone().text()).toBe(202);
  await untilHealthy(server, name);
}

describe("norns down", () => {
  it(
    "stops server, apps and database, removes nothing, may be repeated, and the next start brings the apps back",
    {
      timeout: 90_000,
    },
    async () => {
      await using place = await aHome();
      const { home } = place;
      await using server = await aStartedServer({ home });
      await deploy(server, "hello");
      const before = await appOf(server, "hello");
      const volume = join(home, "volumes", "hello", "data");
      await mkdir(volume, { recursive: true });
      await writeFile(join(volume, "kept"), "kept");

      const first = await down(home);
      expect(first, first.stderr).toMatchObject({ code: 0, stderr: "" });
      expect(first.json()).toEqual({
        home,
        servers: [server.child.pid],
        instances: [{ app: "hello", process: "web", id: expect.stringMatching(new RegExp(`^ins_.*${before.allocations[0]!.id}$`)) }],
        database: true,
      });
      expect(await server.exited).toBe(0);
      expect(await processesOf(home)).toEqual([]);
      expect(await readFile(join(volume, "kept"), "utf8")).toBe("kept");

      const second = await down(home);
      expect(second).toMatchObject({ code: 0, stderr: "" });
      expect(second.json()).toEqual({ home, servers: [], instances: [], database: false });

      await using again = await aStartedServer({ home });
      const after = await untilHealthy(again, "hello");
      expect(after.release?.number).toBe(before.release?.number);
      expect((await down(home)).json().instances).toHaveLength(1);
      expect(await processesOf(home)).toEqual([]);
    },
  );

  it("ends what a server that was killed left running", { timeout: 60_000 }, async () => {
    await using place = await aHome();
    const { home } = place;
    await using server = await aStartedServer({ home });
    await deploy(server, "hello");
    server.child.kill("SIGKILL");
    await server.exited;
    expect((await processesOf(home)).length).toBeGreaterThan(1);

    const ran = await down(home);
    expect(ran.json(), ran.stderr).toMatchObject({ servers: [], instances: [{ app: "hello" }], database: true });
    expect(await processesOf(home)).toEqual([]);
  });

  it("says that nothing runs in a home that never was one", async () => {
    await using place = await aHome();
    const ran = await down(place.home);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.json()).toMatchObject({ servers: [], instances: [], database: false });
  });
});
