/**
 * A whole apps wing for tests: PostgreSQL, the process engine, git repositories in an apps directory, and servers that can
 * be stopped politely or abandoned in the middle of anything, as a `kill -9` leaves them.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createDockerEngine } from "@norns/adapters/engines/docker";
import { createProcessEngine } from "@norns/adapters/engines/process";
import { createBuiltinIngress } from "@norns/adapters/ingress/builtin";
import { createOutbound } from "@norns/adapters/outbound";
import { createSources } from "@norns/adapters/sources/git";
import { aDatabase } from "@norns/adapters/stores/testing";
import { catalogMigrations, createCatalog } from "@norns/capabilities/apps/catalog";
import { createProcesses, processesMigrations } from "@norns/capabilities/apps/processes";
import { auditMigrations, createAudit } from "@norns/capabilities/identity/audit";
import type { Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import type { Store, Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations } from "@norns/kernel/events";
import { newId, systemIdSource, type AppName, type NodeId, type OperationId } from "@norns/kernel/ids";
import {
  createLedger,
  createSweeper,
  createWorker,
  ledgerMigrations,
  type Operation,
  type OperationStep,
  type Wake,
} from "@norns/kernel/ledger";
import { silentLog, type Log } from "@norns/kernel/log";
import { createDeployments } from "./create.ts";
import { deploymentsMigrations } from "./migrations/index.ts";
import type { DeployLimits } from "./operations/deps.ts";

const run = promisify(execFile);

export const workspace = newId("WorkspaceId");
export const actor: Actor = {
  kind: "user",
  id: "usr_test",
  label: "tester@example.com",
  via: "session",
  roles: { [workspace]: "owner" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: workspace,
};

/** Answers every GET with its body, `/health` with 200; ends on SIGTERM after what is in flight. */
export const serverSource = (body: string, more = ""): string => `
const http = require("node:http");
const server = http.createServer((req, res) => {
  ${more}
  if (req.url === "/health") return res.end("ok");
  if (req.url === "/slow") return setTimeout(() => res.end(${JSON.stringify(body)}), 700);
  res.end(${JSON.stringify(body)});
});
server.listen(process.env.PORT, process.env.HOST, () => console.log("listening", ${JSON.stringify(body)}));
process.on("SIGTERM", () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

export const webSpec = (name: string, more = "", process = ""): string =>
  `name: ${name}\n${more}processes:\n  web:\n    command: exec node server.cjs\n    port: 3000\n    health: { path: /health, interval: 1s, timeout: 1s, deadline: 8s }\n    drain: { timeout: 5s }\n${process}`;

export type Ended = Operation & { readonly steps: readonly OperationStep[] };

export interface ServerOptions {
  readonly leaseMs?: number;
  readonly limits?: Partial<DeployLimits>;
  readonly log?: Log;
  readonly dockerSocket?: string;
  /** As a server has it that is not the only one. */
  readonly otherServersMs?: number;
  /** False: nothing observes, restores or routes. */
  readonly watches?: boolean;
}

export async function aWorld(options: ServerOptions = {}) {
  const db = await aDatabase(
    [kernelMigrations, ledgerMigrations, auditMigrations, catalogMigrations, processesMigrations, deploymentsMigrations],
    { poolSize: 10 },
  );
  const root = mkdtempSync(join(tmpdir(), "norns-deployments-"));
  chmodSync(root, 0o711);
  const [home, appsDir] = [join(root, "home"), join(root, "apps")];
  mkdirSync(home, { mode: 0o711 });
  mkdirSync(appsDir);
  const node = newId("NodeId") as NodeId;
  const servers: TestServer[] = [];

  const world = {
    db,
    home,
    appsDir,
    node,

    async open(over: ServerOptions = {}): Promise<TestServer> {
      const server = await openServer({ store: db.openStore({ poolSize: 5 }), home, appsDir, node }, { ...options, ...over });
      servers.push(server);
      return server;
    },

    /** Files committed to the app's own repository, made when there is none. Answers the commit. */
    async commit(name: string, files: Readonly<Record<string, string>>, subject = "Change"): Promise<string> {
      const path = join(appsDir, name);
      const git = (...args: string[]) =>
        run("git", args, {
          cwd: path,
          env: {
            PATH: process.env["PATH"],
            HOME: root,
            GIT_CONFIG_NOSYSTEM: "1",
            GIT_AUTHOR_NAME: "a",
            GIT_AUTHOR_EMAIL: "a@example.com",
            GIT_COMMITTER_NAME: "a",
            GIT_COMMITTER_EMAIL: "a@example.com",
          },
        });
      const isNew = !(await run("ls", [path]).catch(() => undefined));
      mkdirSync(path, { recursive: true });
      if (isNew) await git("init", "--quiet", "-b", "main");
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, file)), { recursive: true });
        writeFileSync(join(path, file), content);
      }
      await git("add", "-A");
      await git("commit", "--quiet", "--allow-empty", "-m", subject);
      return (await git("rev-parse", "HEAD")).stdout.trim();
    },

    /** What `norns deploy [dir]` sends: a tar of the commit. */
    async archive(name: string): Promise<Uint8Array<ArrayBuffer>> {
      const { stdout } = await run("git", ["archive", "--format=tar", "HEAD"], {
        cwd: join(appsDir, name),
        encoding: "buffer",
        maxBuffer: 1 << 26,
      });
      return Uint8Array.from(stdout);
    },

    removeRepository(name: string): void {
      rmSync(join(appsDir, name), { recursive: true, force: true });
    },

    async [Symbol.asyncDispose](): Promise<void> {
      const cleaner = createProcessEngine({ home, node, log: silentLog, clock: systemClock, buildEnv: {} });
      for (const server of servers) await server.close();
      const left = await cleaner.observe();
      await cleaner.stop(
        left.map(({ id }) => id),
        { signal: AbortSignal.timeout(20_000) },
      );
      await cleaner.retireSupervisor();
      await cleaner.close();
      await db.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return world;
}

export type World = Awaited<ReturnType<typeof aWorld>>;
export type TestServer = Awaited<ReturnType<typeof openServer>>;

interface Ground {
  readonly store: Store & { close(): Promise<void> };
  readonly home: string;
  readonly appsDir: string;
  readonly node: NodeId;
}

async function openServer(ground: Ground, options: ServerOptions) {
  const { home, appsDir, node } = ground;
  const { leaseMs = 30_000, log = silentLog } = options;
  const life = new Mortal(ground.store);
  const { store } = life;
  const stop = new AbortController();
  const running = new Set<Promise<void>>();

  // Wake-ups in memory: what a killed server forgets, the sweeper of the next one finds.
  const wake = ({ operation, at }: Wake): void => {
    const waitMs = Math.max(0, (at ?? 0) - Date.now());
    const timer = setTimeout(() => {
      if (stop.signal.aborted || life.isDead) return;
      const run = worker.run(operation, stop.signal).finally(() => running.delete(run));
      running.add(run);
    }, waitMs);
    stop.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  const transport = {
    enlist: (write: Write, one: Wake) => write.afterCommit(() => wake(one)),
    send: async (wakes: readonly Wake[]) => wakes.forEach(wake),
  };

  const shared = { store, clock: systemClock, log };
  const events = createEvents({ store, clock: systemClock, log });
  const ledger = createLedger({ ...shared, events, transport, ids: systemIdSource, leaseMs });
  const audit = createAudit({ store, clock: systemClock, ids: systemIdSource });
  const catalog = createCatalog({ ...shared, events, audit, appsDir, defaultWorkspace: workspace });
  const engine = createProcessEngine({ home, node, log, clock: systemClock, buildEnv: {} });
  // Unless a test asks for the real one, there is no Docker here, as on most machines.
  const docker = createDockerEngine({
    socketPath: options.dockerSocket ?? join(home, "no-docker.sock"),
    node,
    home,
    log,
    clock: systemClock,
  });
  const sources = createSources({ home, outbound: createOutbound({ allowedNetworks: ["127.0.0.0/8"] }), log, clock: systemClock });
  const ingress = createBuiltinIngress({ log, clock: systemClock, controlCookieNames: [] });
  const processes = createProcesses({
    ...shared,
    events,
    ledger,
    audit,
    catalog,
    engines: { process: engine, docker },
    ingresses: [ingress],
    otherServersMs: options.otherServersMs ?? 0,
    node,
  });
  const deployments = createDeployments({
    ...shared,
    events,
    ledger,
    audit,
    catalog,
    processes,
    sources,
    node,
    home,
    buildEnv: {},
    ...(options.limits ? { limits: options.limits } : {}),
  });
  const worker = createWorker({
    ...shared,
    events,
    transport,
    ids: systemIdSource,
    definitions: [...processes.operations, ...deployments.operations],
    node,
    name: newId("RequestId"),
    leaseMs,
  });
  const front = await listen(ingress);
  if (options.watches !== false) {
    await processes.start(stop.signal);
    deployments.start(stop.signal);
  }
  const sweeping = createSweeper({ ...shared, transport, leaseMs }).run(stop.signal);

  let isClosed = false;
  const server = {
    ...shared,
    life,
    events,
    ledger,
    catalog,
    engine,
    docker,
    processes,
    deployments,

    /** Deploys and waits for the end, whatever it is. */
    async deploy(app: string, ref = "HEAD"): Promise<Ended> {
      return server.end(await server.deployments.deployApp({ workspace, actor }, app, ref));
    },
    async rollBack(app: string, to?: string): Promise<Ended> {
      return server.end((await server.deployments.rollBackApp({ workspace, actor }, app, to)).operation);
    },
    async end(operation: OperationId): Promise<Ended> {
      await ledger.waitForEnd(operation, AbortSignal.timeout(60_000));
      return (await ledger.find(operation))!;
    },
    get(app: string, path = "/"): Promise<{ status: number; body: string }> {
      return get(front.port, `${app}.localhost`, path);
    },
    /** Brings an operation to this server's worker, as a transport does again and again. */
    deliver: (operation: OperationId) => wake({ queue: "", operation }),
    instances: (app: string) => engine.observe({ workspace, app: app as AppName }),
    port: front.port,

    /** As `kill -9` leaves it: the database hears nothing more from it, whatever it is in the middle of. */
    abandon(): void {
      life.die();
      stop.abort();
    },
    async close(): Promise<void> {
      if (isClosed) return;
      isClosed = true;
      stop.abort();
      // What a killed server was waiting for never comes.
      if (!life.isDead) await Promise.all([...running, sweeping]);
      await ingress.close(0);
      front.server.closeAllConnections();
      await new Promise((resolve) => front.server.close(resolve));
      await engine.close();
      await docker.close();
      await ground.store.close();
    },
  };
  return server;
}

/** A store that can die: from then on nothing is answered, and what had been sent may or may not have happened. */
class Mortal {
  readonly store: Store;
  isDead = false;
  /** Asked before each batch; true kills at that very point. */
  diesBefore: (() => boolean) | undefined;
  diesAfter: (() => boolean) | undefined;

  constructor(store: Store) {
    const never = new Promise<never>(() => {});
    this.store = {
      dialect: store.dialect,
      tables: (schema) => store.tables(schema),
      batch: async (queries) => {
        if (this.diesBefore?.()) this.die();
        if (this.isDead) return never;
        const results = await store.batch(queries);
        if (this.diesAfter?.()) this.die();
        return this.isDead ? never : results;
      },
    };
  }

  die(): void {
    this.isDead = true;
  }
}

async function listen(ingress: ReturnType<typeof createBuiltinIngress>): Promise<{ server: Server; port: number }> {
  const server = createServer((req, res) => ingress.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

export function get(port: number, host: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

export async function until<Value>(what: string, find: () => Promise<Value | undefined | false>, withinMs = 10_000): Promise<Value> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (performance.now() > end) throw new Error(`There was no ${what} within ${withinMs} ms.`);
    await systemClock.sleep(25);
  }
}

/**
 * Whatever happened, afterwards: exactly the current release runs, it answers, and nothing else is left of the app, on
 * the machine or in the files. Throws with what is wrong.
 */
export async function expectSound(world: World, server: TestServer, app: string, bodies: readonly string[]): Promise<void> {
  const current = await server.processes.findCurrent(workspace, app as AppName);
  if (!current) throw new Error(`${app} has no release in service.`);
  const instances = await server.instances(app);
  const wrong = instances.filter(({ release, state }) => release !== current.release || state !== "running");
  if (instances.length !== 1 || wrong.length > 0)
    throw new Error(`Not exactly the current release (${current.number}) runs: ${JSON.stringify(instances)}`);
  const answer = await server.get(app);
  if (answer.status !== 200 || !bodies.includes(answer.body)) throw new Error(`${app} answers ${answer.status} ${answer.body}.`);
  const left = readdirSync(join(world.home, "work"));
  if (left.length > 0) throw new Error(`Files of builds were left: ${left.join(", ")}`);
  const kept = (await server.deployments.listReleases(workspace, app)).filter(({ isKept }) => isKept).map(({ id }) => id);
  const built = readdirSync(join(world.home, "releases", app)).filter((name) => !name.startsWith("."));
  if (built.toSorted().join() !== kept.toSorted().join())
    throw new Error(`Artifacts ${built.join(", ")} are there, ${kept.join(", ")} should be.`);
}
