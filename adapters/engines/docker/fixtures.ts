/** A real daemon and its base image, or the reason why the Docker tests cannot run here. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { newId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import type { EngineUnderTest } from "../conformance.ts";
import { createDockerEngine, type DockerEngineOptions } from "./index.ts";
import { installationOf } from "./installation.ts";
import { labels } from "./requests.ts";
import { createDaemon, type Daemon } from "./transport.ts";

export const baseImage = "norns-base:node24";

/** Undefined: everything is there. In CI its absence is a failure, not a reason. */
export async function whyNoDocker(): Promise<string | undefined> {
  const daemon = createDaemon("/var/run/docker.sock");
  try {
    await daemon.call("GET", `/images/${baseImage}/json`, { timeoutMs: 3000 });
    return undefined;
  } catch (thrown) {
    const reason = `${thrown instanceof Error ? thrown.message : "unknown"} (scripts/ci-docker/start.sh brings a daemon and the image ${baseImage})`;
    if (process.env["CI"] || process.env["NORNS_TEST_REQUIRE_ALL"])
      throw new Error(`Docker is missing in CI: ${reason}`, { cause: thrown });
    return reason;
  } finally {
    daemon.close();
  }
}

export async function baseImageId(): Promise<string> {
  const daemon = createDaemon("/var/run/docker.sock");
  try {
    return (await daemon.call<{ Id: string }>("GET", `/images/${baseImage}/json`)).Id;
  } finally {
    daemon.close();
  }
}

export async function aHome(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "norns-docker-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      // A test that failed half way leaves containers; they would run on for ever.
      await sweep(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

export const anEngine = (home: string, more: Partial<DockerEngineOptions> = {}) =>
  createDockerEngine({ home, node: newId("NodeId"), log: silentLog, clock: systemClock, ...more });

export async function aSource(path: string, files: Record<string, string>): Promise<string> {
  const source = await mkdtemp(join(path, "source-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(source, name), content);
  return source;
}

/** Everything on the daemon with this home's labels: must be nothing at the end of a test. */
async function listed(home: string, daemon: Daemon) {
  if (!existsSync(join(home, "docker/installation"))) return { containers: [], networks: [], images: [] };
  const filters = { label: [`${labels.installation}=${installationOf(home)}`] };
  return {
    containers: await daemon.call<readonly { Id: string }[]>("GET", "/containers/json", { query: { all: true, filters } }),
    networks: await daemon.call<readonly { Id: string; Name: string }[]>("GET", "/networks", { query: { filters } }),
    images: await daemon.call<readonly { Id: string }[]>("GET", "/images/json", { query: { filters } }),
  };
}

export async function leftovers(home: string): Promise<readonly string[]> {
  const daemon = createDaemon("/var/run/docker.sock");
  try {
    const { containers, networks, images } = await listed(home, daemon);
    return [
      ...containers.map(({ Id }) => `container ${Id}`),
      ...networks.map(({ Name }) => `network ${Name}`),
      ...images.map(({ Id }) => `image ${Id}`),
    ];
  } finally {
    daemon.close();
  }
}

async function sweep(home: string): Promise<void> {
  const daemon = createDaemon("/var/run/docker.sock");
  try {
    const { containers, networks, images } = await listed(home, daemon).catch(() => ({ containers: [], networks: [], images: [] }));
    for (const { Id } of containers) await daemon.call("DELETE", `/containers/${Id}`, { query: { force: true, v: true } });
    for (const { Id } of networks) await daemon.call("DELETE", `/networks/${Id}`);
    for (const { Id } of images) await daemon.call("DELETE", `/images/${Id}`, { query: { force: true } });
  } finally {
    daemon.close();
  }
}

const serve =
  "const http=require('node:http');http.createServer((q,r)=>r.end(process.env.NORNS_RELEASE)).listen(process.env.PORT);process.on('SIGTERM',()=>process.exit(0))";

/** What the conformance suite drives. */
export async function dockerUnderTest(more: Partial<DockerEngineOptions> = {}): Promise<EngineUnderTest> {
  const home = await aHome();
  const node = newId("NodeId");
  const make = () => anEngine(home.path, { node, ...more });
  const engine = make();
  const workspace = newId("WorkspaceId");
  return {
    engine,
    artifact: { kind: "image", image: await baseImageId() },
    serveCommand: `exec node -e "${serve}"`,
    eatMemoryCommand: `exec node -e "const held=[];setInterval(()=>held.push(Buffer.alloc(30e6,1)),10)"`,
    reopen: async () => make(),
    build: async ({ app, release, command, output, timeoutMs, signal }) => {
      // A line of its own in each Dockerfile, or a second run of the tests would find the first one's layer.
      const source = await aSource(home.path, {
        Dockerfile: `FROM ${baseImage}\nWORKDIR /app\nENV RUN=${randomBytes(6).toString("hex")}\nRUN ${command}\n`,
      });
      return engine.build({
        workspace,
        app,
        release,
        source,
        commit: "a".repeat(40),
        env: {},
        timeoutMs: timeoutMs ?? 60_000,
        output: (_stream, chunk) => output(Buffer.from(chunk).toString()),
        signal: signal ?? new AbortController().signal,
      });
    },
    cleanUp: async () => {
      await engine.close();
      const left = await leftovers(home.path);
      await home[Symbol.asyncDispose]();
      if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    },
  };
}
