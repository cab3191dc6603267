/** Everything the supervisor does, apart from sockets: the methods of protocol.ts over the set of instances. */
import { mkdirSync, rmSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { InstanceId, NodeId } from "@norns/kernel/ids";
import { planChanges } from "../../plan.ts";
import type { InstanceStats } from "../../port.ts";
import type { Instance } from "../../workload.ts";
import { Supervised } from "./instance.ts";
import type { Surroundings } from "./surroundings.ts";
import { findOrphans, killOrphan } from "./orphans.ts";
import { listPipes, removePipes } from "./pipes.ts";
import { pickPort } from "./ports.ts";
import { listeningPorts, listStats, privateBytes } from "./processes.ts";
import type { ApplyRequest, Failure, GroupRequest, Methods } from "./protocol.ts";
import { loadRecords, saveRecord, type InstanceRecord } from "./record.ts";
import { Watchdog } from "./watchdog.ts";

export class SupervisorError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const orphanLookMs = 10_000;

export class Supervisor implements Omit<Methods, "hello" | "subscribe" | "retire"> {
  readonly #instances = new Map<InstanceId, Supervised>();
  readonly #around: Surroundings;
  readonly #watchdog: Watchdog;
  readonly #seed: number;
  #ports: Promise<unknown> = Promise.resolve();
  #orphans: { at: number; found: readonly Instance[] } | null = null;
  readonly #run: string;

  constructor(options: { home: string; node: NodeId; onChange: () => void }) {
    const { home, node } = options;
    this.#run = join(home, "run");
    const records = join(this.#run, "instances");
    const pipes = join(this.#run, "pipes");
    for (const directory of [records, pipes]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#seed = [...home].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 12_000, 0);
    this.#watchdog = new Watchdog(() => this.#instances.values());
    this.#around = {
      home,
      node,
      records,
      pipes,
      reservePort: (record) => this.#reservePort(record),
      onGone: (record) => this.#instances.delete(record.id),
      onChange: () => {
        this.#watchdog.wake();
        options.onChange();
      },
    };
  }

  get isEmpty(): boolean {
    return this.#instances.size === 0;
  }

  /** Takes up every instance on record. Answers what it could not read. */
  async adopt(): Promise<{ damaged: readonly string[] }> {
    const { records, damaged } = loadRecords(this.#around.records);
    const clean = join(this.#run, "clean");
    const wasClean = existsSync(clean);
    rmSync(clean, { force: true });
    const known = new Set<string>(records.map(({ id }) => id));
    const damagedIds = new Set(damaged.map((name) => name.replace(/\.json$/, "")));
    for (const id of listPipes(this.#around.pipes)) {
      // A damaged record may belong to something that runs: its pipes stay.
      if (!known.has(id) && !damagedIds.has(id)) removePipes(this.#around.pipes, id);
    }
    for (const record of records) this.#instances.set(record.id, new Supervised(record, this.#around));
    await Promise.all([...this.#instances.values()].map((one) => one.adopt(wasClean)));
    this.#watchdog.wake();
    return { damaged };
  }

  /** Lets go of everything. */
  release(): void {
    this.#watchdog.stop();
    for (const one of this.#instances.values()) one.release();
  }

  async apply(request: ApplyRequest): Promise<readonly Instance[]> {
    const own = [...this.#instances.values()].filter(
      ({ record }) => record.workspace === request.workspace && record.app === request.app && record.release === request.release,
    );
    // Planned and entered into the map without a pause: of two applies at once the second sees what the first wants.
    const changes = planChanges(
      { workspace: request.workspace, app: request.app, release: request.release, groups: request.groups },
      own.map((one) => one.toInstance()),
    );
    const newIds = [...request.newIds];
    const wanted: Supervised[] = [];
    const started: Promise<void>[] = [];
    for (const change of changes) {
      if (change.kind === "stop") void this.#instances.get(change.instance)?.stop();
      else if (change.kind === "keep") {
        const one = this.#instances.get(change.instance)!;
        one.keepUp(request.keepUp);
        wanted.push(one);
      } else {
        const group = request.groups.find(({ process }) => process === change.process)!;
        const one = this.#add(request, group, change.index, newIds.shift()!);
        wanted.push(one);
        started.push(one.start());
      }
    }
    await Promise.all(started);
    return wanted.map((one) => one.toInstance());
  }

  list(): Promise<readonly Instance[]> {
    if (!this.#orphans || performance.now() - this.#orphans.at > orphanLookMs) this.#orphans = this.#lookForOrphans();
    const known = [...this.#instances.values()].map((one) => one.toInstance());
    return Promise.resolve([...known, ...this.#orphans.found.filter(({ id }) => !this.#instances.has(id))]);
  }

  async stop({ instances }: { instances: readonly InstanceId[] }): Promise<null> {
    if (instances.some((id) => !this.#instances.has(id))) this.#orphans = this.#lookForOrphans();
    await Promise.all(
      instances.map(async (id) => {
        const one = this.#instances.get(id);
        if (one) await one.stop();
        else if (this.#orphans?.found.some((orphan) => orphan.id === id)) await killOrphan(id);
      }),
    );
    this.#orphans = null;
    return null;
  }

  async restart({ instance }: { instance: InstanceId }): Promise<Instance> {
    const one = this.#get(instance);
    await one.restart();
    return one.toInstance();
  }

  stats({ instances }: { instances: readonly InstanceId[] }): Promise<readonly InstanceStats[]> {
    const stats = listStats();
    return Promise.resolve(
      instances.flatMap((id) => {
        const one = this.#instances.get(id);
        if (one?.record.phase !== "running") return [];
        const tree = one.tree(stats);
        return {
          instance: id,
          memoryBytes: tree.reduce((sum, { pid }) => sum + privateBytes(pid), 0),
          cpuMs: tree.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
        };
      }),
    );
  }

  explain({ instance }: { instance: InstanceId }): Promise<string | null> {
    const one = this.#instances.get(instance);
    const port = one?.record.port;
    if (!one || port === undefined || one.record.phase !== "running") return Promise.resolve(null);
    const ports = listeningPorts(one.tree(listStats(), true).map(({ pid }) => pid));
    if (ports.includes(port)) return Promise.resolve(null);
    const where = ports.length === 0 ? "does not listen on any port yet" : `listens on port ${ports.join(" and ")}`;
    return Promise.resolve(`it ${where}, not on ${port}, which Norns gave it as PORT`);
  }

  #lookForOrphans() {
    const { home, node } = this.#around;
    return { at: performance.now(), found: findOrphans({ home, node, isKnown: (id) => this.#instances.has(id) }) };
  }

  #add(request: ApplyRequest, group: GroupRequest, index: number, id: InstanceId): Supervised {
    const record: InstanceRecord = {
      format: 1,
      id,
      workspace: request.workspace,
      app: request.app,
      release: request.release,
      process: group.process,
      index,
      group,
      keepUp: request.keepUp,
      phase: "starting",
      startedAt: Date.now(),
      restarts: 0,
      failures: 0,
    };
    saveRecord(this.#around.records, record);
    const one = new Supervised(record, this.#around);
    this.#instances.set(id, one);
    return one;
  }

  #get(id: InstanceId): Supervised {
    const one = this.#instances.get(id);
    if (one) return one;
    throw new SupervisorError({
      kind: "not_found",
      code: "instance_not_found",
      message: "There is no such instance (any more). `norns status` shows what runs.",
    });
  }

  #reservePort(record: InstanceRecord): Promise<void> {
    const turn = this.#ports.then(async () => {
      const taken = new Set(
        [...this.#instances.values()].flatMap(({ record: other }) => (other !== record && other.port !== undefined ? [other.port] : [])),
      );
      record.port = await pickPort({ taken, seed: this.#seed, ...(record.port === undefined ? {} : { preferred: record.port }) });
    });
    this.#ports = turn.catch(() => {});
    return turn;
  }
}
