/**
 * Does everything agree? The database, the ledger, the supervisor's records, the processes and ports of the machine, the
 * containers of the daemon, the directories of the home, and what a visitor is answered.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openPostgres } from "@norns/adapters/stores/postgres";
import { isOver, type Installation } from "./installation.ts";
import { dockerHoldings, portsOf, processesOf } from "./machine.ts";

export interface ExpectedApp {
  readonly app: string;
  /** What its visitors must be answered. The release in service may add to it: see `says`. */
  readonly says?: RegExp;
}

interface AppAnswer {
  readonly spec: { readonly name: string };
  readonly engine: string;
  readonly healthy: boolean;
  readonly isDeployed: boolean;
  readonly desired: Readonly<Record<string, number>>;
  readonly release?: { readonly id: string; readonly number: number; readonly commit: string };
  readonly allocations: readonly {
    readonly instanceId: string;
    readonly process: string;
    readonly index: number;
    readonly isCurrent: boolean;
    readonly healthy?: boolean;
    readonly state: string;
    readonly address?: string;
    readonly isOrphan?: boolean;
  }[];
}

export interface Options {
  /** A database other than the home's own. */
  readonly databaseUrl?: string;
  /** How long what is being tidied up may take. */
  readonly withinMs?: number;
}

/** Empty when all agrees; else what does not, in words, after it has had its time. Looks at all apps; `apps` says what some must answer. */
export async function whatIsWrong(place: Installation, apps: readonly ExpectedApp[] = [], options: Options = {}): Promise<string[]> {
  const end = Date.now() + (options.withinMs ?? 10_000);
  for (;;) {
    const wrong = await look(place, apps, options).catch((error: Error) => [`could not look: ${error.stack}`]);
    if (wrong.length === 0 || Date.now() > end) return wrong;
    await sleep(200);
  }
}

async function look(place: Installation, apps: readonly ExpectedApp[], options: Options): Promise<string[]> {
  const wrong: string[] = [];
  const { home } = place;
  const told = (await place.get<AppAnswer[]>("/api/apps")).filter(({ isDeployed }) => isDeployed);
  const rows = await readRows(options.databaseUrl ?? ownDatabase(home));

  // The ledger: nothing is under way, nothing is locked, no deployment's row is behind its operation.
  for (const { id, name, state } of rows.operations) if (!isOver(state)) wrong.push(`operation ${id} (${name}) is ${state}`);
  for (const { lock, operation } of rows.locks) wrong.push(`the lock ${lock} is held by ${operation}`);
  const states = new Map(rows.operations.map(({ id, state }) => [id, state]));
  for (const { id, finished_at, outcome } of rows.deployments) {
    const state = states.get(id);
    if (state !== undefined && isOver(state) && finished_at === null)
      wrong.push(`deployment ${id} has no end, its operation is ${state} (${outcome})`);
  }

  // Each app is served by exactly one release, the one that the database calls current.
  const instances = new Map<string, { engine: string; port?: number }>();
  for (const { app } of apps) if (!told.some(({ spec }) => spec.name === app)) wrong.push(`${app} is not deployed`);
  for (const answer of told) {
    const { engine } = answer;
    const app = answer.spec.name;
    const says = apps.find((one) => one.app === app)?.says;
    const current = rows.current.filter((row) => row.app === app);
    if (current.length !== 1) wrong.push(`${app} has ${current.length} current releases`);
    if (answer.release?.id !== current[0]?.release_id)
      wrong.push(`${app}: the API says ${answer.release?.id}, the database ${current[0]?.release_id}`);
    const release = rows.releases.find(({ id }) => id === current[0]?.release_id);
    if (release?.state !== "good" && release?.state !== "bad") wrong.push(`${app}: the release in service is ${release?.state}`);
    if (!answer.healthy) wrong.push(`${app} is not healthy: ${JSON.stringify(answer.allocations)}`);
    for (const [process, count] of Object.entries(answer.desired)) {
      const there = answer.allocations.filter((one) => one.process === process);
      if (there.length !== count)
        wrong.push(`${app} has ${there.length} instances of ${process}, ${count} are wanted: ${JSON.stringify(there)}`);
      if (new Set(there.map(({ index }) => index)).size !== there.length) wrong.push(`${app} has two instances of ${process} in one place`);
    }
    for (const one of answer.allocations) {
      if (!one.isCurrent || one.state !== "running" || one.isOrphan) wrong.push(`${app}: ${JSON.stringify(one)}`);
      const port = Number(one.address?.split(":").at(-1));
      instances.set(one.instanceId, { engine, ...(Number.isInteger(port) ? { port } : {}) });
    }
    if (says && current[0]) {
      const bodies = new Set<string>();
      for (let count = 0; count < 5; count++) {
        const { status, body, error } = await place.visit(`${app}.localhost`);
        bodies.add(body);
        if (status !== 200 || !says.test(body)) wrong.push(`${app} answers ${status} ${error ?? body}`);
        else if (!body.includes(current[0].commit_sha)) wrong.push(`${app} answers as ${body}, commit ${current[0].commit_sha} is current`);
      }
      if (bodies.size !== 1) wrong.push(`${app} answers in ${bodies.size} ways: ${[...bodies].join(" / ")}`);
    }
  }

  wrong.push(...processesAndPorts(home, instances));
  wrong.push(...(await containers(home, instances, rows)));
  wrong.push(...directories(home, rows));
  return wrong;
}

function processesAndPorts(home: string, instances: ReadonlyMap<string, { engine: string; port?: number }>): string[] {
  const wrong: string[] = [];
  const wanted = new Map([...instances].filter(([, { engine }]) => engine === "process"));
  const all = processesOf(home);
  const running = Map.groupBy(
    all.filter(({ kind }) => kind === "instance"),
    ({ instance }) => instance!,
  );
  for (const [id, processes] of running) {
    if (!wanted.has(id))
      wrong.push(
        `${processes.length} processes of ${id}, which nobody wants: ${processes.map(({ pid, command }) => `${pid} ${command}`).join("; ")}`,
      );
    const ports = portsOf(processes.map(({ pid }) => pid));
    const { port } = wanted.get(id) ?? {};
    for (const other of ports) if (other !== port) wrong.push(`${id} listens on ${other}, its port is ${port}`);
    if (port !== undefined && !ports.includes(port)) wrong.push(`${id} does not listen on its port ${port}`);
  }
  for (const id of wanted.keys()) if (!running.has(id)) wrong.push(`${id} has no process`);
  const supervisors = all.filter(({ kind }) => kind === "supervisor");
  if (supervisors.length > 1 || (supervisors.length === 0 && wanted.size > 0)) wrong.push(`${supervisors.length} supervisors`);

  const records = list(join(home, "run/instances"));
  for (const name of records) if (!wanted.has(name.replace(/\.json$/, ""))) wrong.push(`run/instances/${name} is left`);
  for (const id of wanted.keys()) if (!records.includes(`${id}.json`)) wrong.push(`run/instances/${id}.json is missing`);
  for (const name of list(join(home, "run/pipes"))) if (!wanted.has(name.replace(/\.[a-z]+$/, ""))) wrong.push(`run/pipes/${name} is left`);
  return wrong;
}

async function containers(home: string, instances: ReadonlyMap<string, { engine: string }>, rows: Rows): Promise<string[]> {
  const wrong: string[] = [];
  const holdings = await dockerHoldings(home);
  const wanted = new Set([...instances].filter(([, { engine }]) => engine === "docker").map(([id]) => id));
  const there = new Set<string>();
  for (const { id, labels, state } of holdings.containers) {
    const instance = labels["norns.instance"] ?? "";
    there.add(instance);
    if (!wanted.has(instance))
      wrong.push(`container ${id.slice(0, 12)} (${labels["norns.kind"]}, ${state}) of ${instance || "no instance"} is left`);
    else if (state !== "running") wrong.push(`container ${id.slice(0, 12)} of ${instance} is ${state}`);
  }
  for (const id of wanted) if (!there.has(id)) wrong.push(`${id} has no container`);
  const kept = new Set(keptArtifacts(rows, "image"));
  for (const image of holdings.images) if (![...kept].some((name) => name.includes(image))) wrong.push(`image ${image} is left`);
  for (const name of kept)
    if (!holdings.images.some((image) => name.includes(image))) wrong.push(`image ${name} of a kept release is missing`);
  return wrong;
}

const keptArtifacts = (rows: Rows, kind: "image" | "directory"): string[] =>
  rows.releases
    .filter(({ artifact_json }) => artifact_json !== null)
    .map(({ artifact_json }) => JSON.parse(artifact_json!) as { kind: string; path?: string; image?: string })
    .filter((artifact) => artifact.kind === kind)
    .map(({ path, image }) => (path ?? image)!);

function directories(home: string, rows: Rows): string[] {
  const wrong: string[] = [];
  const kept = new Set(keptArtifacts(rows, "directory"));
  const there = new Set(
    list(join(home, "releases")).flatMap((app) => list(join(home, "releases", app)).map((name) => join(home, "releases", app, name))),
  );
  for (const path of there) if (!kept.has(path)) wrong.push(`${path} is left`);
  for (const path of kept) if (!there.has(path)) wrong.push(`${path} of a kept release is missing`);
  for (const folder of ["work", "scratch"]) for (const name of list(join(home, folder))) wrong.push(`${folder}/${name} is left`);
  return wrong;
}

const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** The url of the home's own PostgreSQL, read as the server reads it. */
export function ownDatabase(home: string): string {
  const password = readFileSync(join(home, "postgres/password"), "utf8").trim();
  const lines = readFileSync(join(home, "postgres/data/postmaster.pid"), "utf8").split("\n");
  const [port, sockets] = [lines[3]!.trim(), lines[4]!.trim()];
  return `postgres://norns:${encodeURIComponent(password)}@/norns?host=${encodeURIComponent(sockets)}&port=${port}`;
}

interface Rows {
  readonly operations: readonly { id: string; name: string; state: string }[];
  readonly locks: readonly { lock: string; operation: string }[];
  readonly current: readonly { app: string; release_id: string; number: number; commit_sha: string }[];
  readonly releases: readonly { id: string; app: string; number: number; state: string; artifact_json: string | null }[];
  readonly deployments: readonly { id: string; finished_at: number | null; outcome: string | null }[];
}

async function readRows(url: string): Promise<Rows> {
  const store = openPostgres({ url, poolSize: 1 });
  const all = async <Row>(table: string, columns: string): Promise<Row[]> =>
    (await store.pool.query(`select ${columns} from ${table}`)).rows as Row[];
  try {
    return {
      operations: await all("kernel.operations", "id, name, state"),
      locks: await all("kernel.operation_locks", "lock, operation"),
      current: await all("apps.current_releases", "app, release_id, number, commit_sha"),
      releases: await all("apps.releases", "id, app, number, state, artifact_json"),
      deployments: await all("apps.deployments", "id, finished_at, outcome"),
    };
  } finally {
    await store.close();
  }
}
