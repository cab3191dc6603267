/**
 * Kills parts of an installation in the middle of its work and looks at what is left. One run: change something, kill at
 * a moment, start again what does not start by itself, wait for the end of the operation, compare machine and database.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { anInstallation, type Installation } from "./installation.ts";
import { baseImage, pidOf } from "./machine.ts";
import { aRepository, webServer, webSpec, type Repository } from "./repository.ts";
import { whatIsWrong } from "./soundness.ts";

export type EngineName = "process" | "docker";
export type Target = "server" | "supervisor" | "postgres";

export const leaseMs = 3_000;
export const app = "survivor";
/** What a change takes here by itself, on a machine that is busy with other tests too. */
const workMs = 25_000;

export interface Proving {
  readonly place: Installation;
  readonly repository: Repository;
  readonly engine: EngineName;
  /** Body of the newest commit. */
  body: string;
  /** Bodies that may be served: the newest, and those that a rollback or a failure may have brought back. */
  readonly bodies: Set<string>;
  readonly notes: Notes;
}

/** What is counted over all runs. */
export interface Notes {
  runs: number;
  kills: Record<string, number>;
  operations: Record<string, number>;
  slowestEndMs: number;
  /** What did not agree afterwards, and in which run. */
  wrong: string[];
}

export const newNotes = (): Notes => ({ runs: 0, kills: {}, operations: {}, slowestEndMs: 0, wrong: [] });

export interface ProvingOptions {
  readonly engine?: EngineName;
  readonly env?: Readonly<Record<string, string>>;
  readonly isStarted?: boolean;
}

const slowSteps = "build: { command: sleep 0.3, test: sleep 0.3 }\nmigrations: sleep 0.3";

function filesOf(engine: EngineName, body: string): Record<string, string> {
  const server = webServer(body);
  if (engine === "process") return { "infraspec.yaml": webSpec(app, { more: slowSteps }), "server.cjs": server };
  return {
    "infraspec.yaml": `name: ${app}\nbuild: { dockerfile: Dockerfile, test: sleep 0.3 }\nmigrations: sleep 0.3\nprocesses:\n  web:\n    port: 3000\n    health: { path: /health, interval: 1s, timeout: 1s, deadline: 20s }\n    drain: { timeout: 5s }\n`,
    Dockerfile: `FROM ${baseImage}\nWORKDIR /app\nCOPY server.cjs ./\nUSER 1000\nCMD ["node", "server.cjs"]\n`,
    "server.cjs": server,
  };
}

/** An installation with one app in service, ready to be hurt. */
export async function aProving(options: ProvingOptions = {}): Promise<Proving & AsyncDisposable> {
  const engine = options.engine ?? "process";
  const place = await anInstallation({
    env: { NORNS_LEASE_MS: String(leaseMs), NORNS_DATABASE_POOL: "5", ...options.env },
    isStarted: options.isStarted ?? true,
  });
  try {
    const repository = await aRepository(join(place.appsDir, app), filesOf(engine, "first"));
    const proving = {
      place,
      repository,
      engine,
      body: "first",
      bodies: new Set(["first"]),
      notes: newNotes(),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
    if (options.isStarted !== false) await begin(proving);
    return proving;
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

/** The first release: nobody is killed yet. */
export async function begin(proving: Proving): Promise<void> {
  const { place } = proving;
  const end = Date.now() + 10_000;
  let answer = await place.send("POST", `/api/apps/${app}/deploy`, {});
  // The catalogue finds the directory within its own time.
  while (answer.status === 404 && Date.now() < end) {
    await sleep(100);
    answer = await place.send("POST", `/api/apps/${app}/deploy`, {});
  }
  if (answer.status !== 202) throw new Error(`The first deployment was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
  const operation = await place.ended(String(answer.body["operationId"]), 90_000);
  if (operation.state !== "succeeded") throw new Error(`The first deployment did not succeed: ${JSON.stringify(operation.error)}`);
}

/** Commits another body and asks for its deployment. */
export async function startDeploy(proving: Proving, body: string): Promise<string> {
  await proving.repository.commit(filesOf(proving.engine, body));
  proving.body = body;
  proving.bodies.add(body);
  return await ask(proving, "POST", `/api/apps/${app}/deploy`, {});
}

export async function ask(proving: Proving, method: string, path: string, body: unknown): Promise<string> {
  const answer = await proving.place.send(method, path, body);
  if (answer.status !== 202) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return String(answer.body["operationId"]);
}

/** SIGKILL; false when there was nothing to kill. A killed server is started again, everything else does that by itself. */
export async function kill(proving: Proving, target: Target): Promise<boolean> {
  const { place, notes } = proving;
  const pid = target === "server" ? place.server.child.pid : pidOf(place.home, target);
  if (pid === undefined || !isAlive(pid)) return false;
  process.kill(pid, "SIGKILL");
  notes.kills[target] = (notes.kills[target] ?? 0) + 1;
  if (target === "server") {
    await place.server.exited;
    await place.start();
  }
  return true;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** The operation ends, soon; afterwards all agrees. What does not is noted under `name`. */
export async function settle(proving: Proving, name: string, operations: readonly string[], databaseUrl?: string): Promise<void> {
  const { place, notes, bodies } = proving;
  const since = performance.now();
  const problems: string[] = [];
  for (const id of operations) {
    try {
      const operation = await place.ended(id, leaseMs + workMs);
      notes.operations[operation.state] = (notes.operations[operation.state] ?? 0) + 1;
      if (operation.state !== "succeeded") problems.push(`${operation.name} is ${operation.state}: ${operation.error?.message}`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  notes.slowestEndMs = Math.max(notes.slowestEndMs, performance.now() - since);
  const says = new RegExp(`^(${[...bodies].join("|")}) \\d+ [0-9a-f]{40}$`);
  problems.push(...(await whatIsWrong(place, [{ app, says }], { withinMs: 15_000, ...(databaseUrl ? { databaseUrl } : {}) })));
  notes.runs++;
  for (const problem of problems) notes.wrong.push(`${name}: ${problem}`);
}

/** Numbers from a seed: a run that failed is run again with the same ones. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One change and one kill at a random moment of it. */
export async function randomRun(proving: Proving, number: number, roll: () => number): Promise<void> {
  const { place, engine } = proving;
  const what = roll();
  const scale = 1 + Math.floor(roll() * 2);
  const target: Target = pick(roll(), engine);
  const operations: string[] = [];
  let name: string;
  if (what < 0.7) {
    operations.push(await startDeploy(proving, `run${number}`));
    name = "deploy";
  } else if (what < 0.8) {
    operations.push(await ask(proving, "POST", `/api/apps/${app}/restart`, {}));
    name = "restart";
  } else if (what < 0.9) {
    operations.push(await ask(proving, "POST", `/api/apps/${app}/scale`, { process: "web", count: scale }));
    name = `scale ${scale}`;
  } else {
    // Nothing to go back to is an answer too: then there is a deployment instead.
    const answer = await place.send("POST", `/api/apps/${app}/rollback`, {});
    operations.push(answer.status === 202 ? String(answer.body["operationId"]) : await startDeploy(proving, `run${number}`));
    name = "rollback";
  }
  const delayMs = Math.floor(roll() ** 1.5 * (engine === "docker" ? 6_000 : 3_500));
  await sleep(delayMs);
  const isKilled = await kill(proving, target);
  await settle(proving, `run ${number} (${name}, ${isKilled ? target : `no ${target}`} killed after ${delayMs} ms)`, operations);
}

function pick(number: number, engine: EngineName): Target {
  if (engine === "docker") return number < 0.8 ? "server" : "postgres";
  return number < 0.6 ? "server" : number < 0.85 ? "supervisor" : "postgres";
}

export const summary = ({ runs, kills, operations, slowestEndMs, wrong }: Notes): string =>
  `${runs} runs; killed: ${counts(kills)}; operations: ${counts(operations)}; slowest end after a start ${Math.round(slowestEndMs)} ms; leftovers and other faults found: ${wrong.length}`;

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ") || "none";
