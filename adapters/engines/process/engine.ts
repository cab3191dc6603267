/** The process engine: prepares what an app may see, and leaves the keeping to the supervisor. */
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { conflict, invalid, unavailable, type NornsError } from "@norns/kernel/errors";
import { newId, type AppName, type InstanceId, type NodeId, type ReleaseId } from "@norns/kernel/ids";
import type { Clock } from "@norns/kernel/clock";
import type { Log } from "@norns/kernel/log";
import { pruneLogs, readLogs } from "../journal/index.ts";
import { planChanges } from "../plan.ts";
import type { AppRef, BuildRequest, Engine, InstanceStats, LogQuery, OutputSink, RunRequest, Support } from "../port.ts";
import type { Artifact, Instance, Workload } from "../workload.ts";
import { makeRelease, removeAbandonedBuilds, removeTree } from "./build.ts";
import { defaultCopyLimits, type CopyLimits } from "./copy-tree.ts";
import { ensureHome, ensurePassage, ensureVolumes } from "./directories.ts";
import { defaultLimits, describeIsolation, detectIsolation, firstBarrier, hiddenFor, type Isolation, type Limits } from "./isolation.ts";
import { endAbandonedJobs, runJob } from "./job.ts";
import { toLabels, toLaunch } from "./launch.ts";
import { reachableNode } from "./node-binary.ts";
import { pathsUnder, type Paths } from "./paths.ts";
import { SupervisorClient } from "./supervisor-client.ts";
import { findOrphans } from "./supervisor/orphans.ts";
import type { GroupRequest, Launch } from "./supervisor/protocol.ts";
import { ensureUids } from "./uids.ts";

export interface ProcessEngineOptions {
  /** NORNS_HOME. */
  readonly home: string;
  readonly node: NodeId;
  readonly log: Log;
  readonly clock: Clock;
  /** The Node that supervises and that apps find on their PATH; the one that runs us when absent. */
  readonly nodeBinary?: string;
  /** Passed on to builds, tests and migrations: `npm_config_registry`, proxies. Already chosen by NORNS_BUILD_ENV. */
  readonly buildEnv: Readonly<Record<string, string>>;
  readonly limits?: Partial<Limits & { readonly source: CopyLimits; readonly outputBytes: number }>;
}

export interface ProcessEngine extends Engine {
  /** Ends the supervisor; its instances run on. For `norns down` (after stopping everything) and for tests. */
  retireSupervisor(): Promise<void>;
}

const watchMs = 1_000;
const orphanLookMs = 10_000;
const pruneMs = 6 * 60 * 60 * 1000;

/**
 * Runs apps that bring a command as processes of this machine. Instances live on when the server ends.
 *
 *     const engine = createProcessEngine({ home, node, log, clock: systemClock, buildEnv: {} });
 *     await engine.apply(workload, { keepUp: true, signal });
 */
export function createProcessEngine(options: ProcessEngineOptions): ProcessEngine {
  return new Processes(options);
}

class Processes implements ProcessEngine {
  readonly name = "process";
  readonly #options: ProcessEngineOptions;
  readonly #paths: Paths;
  readonly #client: SupervisorClient;
  readonly #limits: Limits & { readonly source: CopyLimits; readonly outputBytes: number };
  readonly #closed = new AbortController();
  #ready: Promise<{ isolation: Isolation; node: { directory: string } }> | null = null;
  readonly #builds = new Map<AppName, Promise<void>>();
  #orphans: { at: number; found: readonly Instance[] } | null = null;

  constructor(options: ProcessEngineOptions) {
    const nodeBinary = options.nodeBinary ?? process.execPath;
    this.#options = { ...options, nodeBinary };
    this.#paths = pathsUnder(options.home);
    this.#client = new SupervisorClient({ home: options.home, node: options.node, nodeBinary, log: options.log });
    this.#limits = { ...defaultLimits, source: defaultCopyLimits, outputBytes: 64 * 1024 * 1024, ...options.limits };
  }

  async support(): Promise<Support> {
    const problem = this.#problem();
    if (problem) return { isAvailable: false, reason: problem.message, isolation: [], artifact: "directory" };
    const { isolation } = await this.#prepared();
    return { isAvailable: true, isolation: describeIsolation(isolation), artifact: "directory" };
  }

  /** One after another for one app: the end of a build ends every process of the app's build user. */
  build(request: BuildRequest): Promise<Artifact> {
    const turn = (this.#builds.get(request.app) ?? Promise.resolve()).then(() => this.#build(request));
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#builds.set(request.app, settled);
    void settled.then(() => this.#builds.get(request.app) === settled && this.#builds.delete(request.app));
    return turn;
  }

  async #build(request: BuildRequest): Promise<Artifact> {
    const { app, release, command } = request;
    await this.#prepared();
    this.#client.startAhead();
    const uids = this.#uids(app);
    return makeRelease({
      paths: this.#paths,
      app,
      release,
      source: request.source,
      limits: this.#limits.source,
      signal: request.signal,
      ...(uids ? { uids } : {}),
      ...(command === undefined
        ? {}
        : {
            command,
            build: async (directory: string) => {
              const home = await ensureHome(this.#paths, app, "build", uids?.build);
              const launch = await this.#launch({
                ...home,
                command,
                labels: toLabels(request),
                env: { ...this.#options.buildEnv, ...request.env },
                cwd: directory,
                volumes: [],
                isWritable: true,
                ...(uids ? { uid: uids.build } : {}),
              });
              return this.#runJob(launch, { ...request, hasOwnUid: uids !== undefined });
            },
          }),
    });
  }

  async runOnce(request: RunRequest): Promise<{ exitCode: number }> {
    const { app } = request;
    await this.#prepared();
    const uid = this.#uids(app)?.run;
    const launch = await this.#launch({
      ...(await ensureHome(this.#paths, app, "run", uid)),
      command: request.command,
      labels: toLabels(request),
      env: { ...this.#options.buildEnv, ...request.env },
      cwd: directoryOf(request.artifact),
      volumes: await ensureVolumes(this.#paths, app, request.volumes, uid),
      isWritable: false,
      ...(uid === undefined ? {} : { uid }),
    });
    return this.#runJob(launch, { ...request, hasOwnUid: false });
  }

  plan(workload: Workload, running: readonly Instance[]) {
    return planChanges(workload, running);
  }

  async apply(workload: Workload, options: { keepUp: boolean; signal: AbortSignal }): Promise<readonly Instance[]> {
    await this.#prepared();
    const { workspace, app, release } = workload;
    const groups = await Promise.all(workload.groups.map((group) => this.#toGroupRequest(workload, group)));
    const newIds = groups.flatMap(({ count }) => Array.from({ length: count }, () => newId("InstanceId") as InstanceId));
    return this.#client.call("apply", { workspace, app, release, groups, keepUp: options.keepUp, newIds }, options.signal);
  }

  async observe(of?: AppRef): Promise<readonly Instance[]> {
    const found = this.#client.hasRecords() ? await this.#client.call("list", {}) : this.#findOrphans();
    return of ? found.filter(({ workspace, app }) => workspace === of.workspace && app === of.app) : found;
  }

  async stop(instances: readonly InstanceId[], options: { signal: AbortSignal }): Promise<void> {
    if (instances.length === 0) return;
    const isNobodyThere = !this.#client.hasRecords() && !this.#findOrphans().some(({ id }) => instances.includes(id));
    if (!isNobodyThere) await this.#client.call("stop", { instances }, options.signal);
    this.#orphans = null;
  }

  restart(instance: InstanceId, options: { signal: AbortSignal }): Promise<Instance> {
    return this.#client.call("restart", { instance }, options.signal);
  }

  async removeArtifact(artifact: Artifact): Promise<void> {
    const path = directoryOf(artifact);
    // Anything but a release of ours is not ours to remove.
    const [release, app] = path.split("/").toReversed();
    if (!app || !release || path !== this.#paths.release(app as AppName, release as ReleaseId)) {
      throw conflict("artifact_foreign", "This directory was not made by a build here and is not removed.");
    }
    await removeTree(path);
  }

  logs(query: LogQuery) {
    return readLogs(this.#options.home, query);
  }

  async stats(instances: readonly InstanceId[]): Promise<readonly InstanceStats[]> {
    if (!this.#client.hasRecords()) return [];
    return this.#client.call("stats", { instances });
  }

  async explain(instance: InstanceId): Promise<string | undefined> {
    if (!this.#client.hasRecords()) return undefined;
    return (await this.#client.call("explain", { instance })) ?? undefined;
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    const both = AbortSignal.any([signal, this.#closed.signal]);
    if (both.aborted) return;
    const stopListening = this.#client.listen(onChange);
    let isBusy = false;
    let prunedAt = Number.NEGATIVE_INFINITY;
    const look = async () => {
      if (isBusy) return;
      isBusy = true;
      try {
        if (!this.#problem()) await this.#client.keepConnected();
        if (performance.now() - prunedAt > pruneMs) {
          prunedAt = performance.now();
          await pruneLogs({ home: this.#options.home, now: this.#options.clock.now() });
        }
      } catch (error) {
        if (!both.aborted) this.#options.log.warn({ error }, "the process engine's supervisor cannot be reached; trying again");
      } finally {
        isBusy = false;
      }
    };
    const timer = setInterval(() => void look(), watchMs);
    timer.unref();
    void look();
    both.addEventListener(
      "abort",
      () => {
        clearInterval(timer);
        stopListening();
      },
      { once: true },
    );
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#client.close();
  }

  retireSupervisor(): Promise<void> {
    return this.#client.retire();
  }

  #problem(): NornsError | null {
    if (process.platform !== "linux") {
      return unavailable(
        "engine_unsupported",
        "The process engine needs Linux. Give the app an image or a Dockerfile, and it runs under Docker.",
      );
    }
    if (Buffer.byteLength(this.#paths.socket) > 107) {
      return unavailable("engine_unsupported", "The path of NORNS_HOME is too long for a Unix socket in it. Keep it under 80 characters.");
    }
    const barrier = process.getuid?.() === 0 ? firstBarrier(dirname(this.#options.home)) : null;
    if (barrier) {
      return unavailable(
        "engine_unsupported",
        "Users of apps cannot get to NORNS_HOME, because a directory above it is closed to them. Set NORNS_HOME to a directory such as /var/lib/norns.",
      );
    }
    return null;
  }

  /** What is found out and tidied up once, before the first change. */
  #prepared(): Promise<{ isolation: Isolation; node: { directory: string } }> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #prepare() {
    const { home, nodeBinary, node: nodeId, log } = this.#options;
    await ensurePassage(home);
    // Users of apps pass through NORNS_HOME to what is theirs; what is not is closed to them file by file.
    if (process.getuid?.() === 0 && firstBarrier(home) === home) await chmod(home, 0o711);
    await mkdir(this.#paths.run, { recursive: true, mode: 0o700 });
    const problem = this.#problem();
    if (problem) throw problem;
    const isolation = await detectIsolation();
    const node = await reachableNode({ home, nodeBinary: nodeBinary!, needsReach: isolation.kind === "own-user" });
    const ended = await endAbandonedJobs(nodeId);
    if (ended > 0) log.warn({ processes: ended }, "ended what a server that was killed had left running");
    await removeAbandonedBuilds(this.#paths);
    return { isolation, node };
  }

  #uids(app: AppName) {
    return process.getuid?.() === 0 ? ensureUids(this.#paths.uids, app) : undefined;
  }

  async #toGroupRequest(workload: Workload, group: Workload["groups"][number]): Promise<GroupRequest> {
    if (group.command === undefined) {
      throw invalid(
        "command_missing",
        `The process "${group.process}" has no command, and without an image there is nothing else to start. Give it a \`command\`.`,
      );
    }
    const uid = this.#uids(workload.app)?.run;
    return {
      process: group.process,
      count: group.count,
      hasPort: group.port !== undefined,
      memoryMb: group.resources.memoryMb,
      drain: group.drain,
      launch: await this.#launch({
        ...(await ensureHome(this.#paths, workload.app, "run", uid)),
        command: group.command,
        labels: toLabels({ app: workload.app, release: workload.release, process: group.process }),
        env: group.env,
        cwd: directoryOf(workload.artifact),
        volumes: await ensureVolumes(this.#paths, workload.app, group.volumes, uid),
        isWritable: false,
        ...(uid === undefined ? {} : { uid }),
      }),
    };
  }

  async #launch(request: Omit<Parameters<typeof toLaunch>[0], "isolation" | "limits" | "nodeBinary" | "hidden">): Promise<Launch> {
    const { isolation, node } = await this.#prepared();
    checkEnvironment(request.env);
    return toLaunch({ ...request, isolation, limits: this.#limits, nodeBinary: node, hidden: hiddenFor(this.#options.home) });
  }

  #runJob(launch: Launch, request: { timeoutMs: number; output: OutputSink; signal: AbortSignal; hasOwnUid: boolean }) {
    return runJob({
      launch,
      run: this.#paths.run,
      node: this.#options.node,
      output: request.output,
      timeoutMs: request.timeoutMs,
      maxOutputBytes: this.#limits.outputBytes,
      hasOwnUid: request.hasOwnUid,
      signal: request.signal,
    });
  }

  /** Without records there is no supervisor to ask: looked up here, now and then. */
  #findOrphans(): readonly Instance[] {
    if (process.platform !== "linux") return [];
    if (!this.#orphans || performance.now() - this.#orphans.at > orphanLookMs) {
      const { home, node } = this.#options;
      this.#orphans = { at: performance.now(), found: findOrphans({ home, node, isKnown: () => false }) };
    }
    return this.#orphans.found;
  }
}

function directoryOf(artifact: Artifact): string {
  if (artifact.kind === "directory") return artifact.path;
  throw invalid(
    "artifact_wrong_kind",
    "The process engine runs directories, and this release is an image. Deploy it with the Docker engine.",
  );
}

function checkEnvironment(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || /[=\0]/.test(name) || value.includes("\0")) {
      throw invalid(
        "env_invalid",
        `The environment variable ${JSON.stringify(name)} cannot be set: names hold no "=", and neither names nor values a NUL.`,
      );
    }
  }
}
