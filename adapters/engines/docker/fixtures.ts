/** A real daemon and its base image, or the reason why the Docker tests cannot run here. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { newId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import type { EngineUnderTest } from "../conformance.ts";
import { createDockerEngine, type DockerEngineOptions } from "./index.ts";
import { labels } from "./requests.ts";
import { createDaemon } from "./transport.ts";

export const baseImage = "norns-base:node24";

/** Undefined: everything is there. In CI its absence is a failure, not a reason. */
export async function whyNoDocker(): Promise<string | undefined> {
  const daemon = createDaemon("/var/run/docker.sock");
  try {
    await daemon.call("GET", `/images/${baseImage}/json`, { timeoutMs: 3000 });
    return undefined;
  } catch (thrown) {
    const reason = `${thrown instanceof Error ? thrown.message : "unknown"} (scripts/ci-docker/start.mjs brings a daemon and the image ${baseImage})`;
    if (process.env["CI"]) throw new Error(`Docker is missing in CI: ${reason}`, { cause: thrown });
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
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export const anEngine = (home: string, more: Partial<DockerEngineOptions> = {}) =>
  createDockerEngine({ home, node: newId("NodeId"), log: silentLog, clock: systemClock, ...more });

export async function aSource(path: string, files: Record<string, string>): Promise<string> {
  const source = await mkdtemp(join(path, "source-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(source, name), content);
  return source;
}

/** Everything on the daemon with this home's labels: must be nothing at the end of a test. */
export async function leftovers(home: string): Promise<readonly string[]> {
  const [installation] = (await readdir(join(home, "docker"))).includes("installation") ? [await import("./installation.ts").then((module) => module.installationOf(home))] : [];
  const daemon = createDaemon("/var/run/docker.sock");
  const filters = { label: [`${labels.installation}=${installation}`] };
  try {
    const containers = await daemon.call<readonly { Id: string }[]>("GET", "/containers/json", { query: { all: true, filters } });
    const networks = await daemon.call<readonly { Name: string }[]>("GET", "/networks", { query: { filters } });
    const images = await daemon.call<readonly { Id: string }[]>("GET", "/images/json", { query: { filters } });
    return [...containers.map(({ Id }) => `container ${Id}`), ...networks.map(({ Name }) => `network ${Name}`), ...images.map(({ Id }) => `image ${Id}`)];
  } finally {
    daemon.close();
  }
}

const serve = "const http=require('node:http');http.createServer((q,r)=>r.end(process.env.NORNS_RELEASE)).listen(process.env.PORT);process.on('SIGTERM',()=>process.exit(0))";

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
      const source = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nWORKDIR /app\nENV RUN=${randomBytes(6).toString("hex")}\nRUN ${command}\n` });
      return engine.build({ workspace, app, release, source, commit: "a".repeat(40), env: {}, timeoutMs: timeoutMs ?? 60_000, output: (_stream, chunk) => output(Buffer.from(chunk).toString()), signal: signal ?? new AbortController().signal });
    },
    cleanUp: async () => {
      await engine.close();
      const left = await leftovers(home.path);
      await home[Symbol.asyncDispose]();
      if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    },
  };
}
