/** One installation of Norns with a home of its own: started, used by the command, killed, started again, cleared away. */
import { chmod, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aStartedServer, type StartedServer } from "../programs/server/testing.ts";
import { runCommand, type Ran, type RunOptions } from "./command.ts";
import { dockerHoldings, processesOf, removeDockerHoldings } from "./machine.ts";
import { keepVisiting, visit, type Crowd, type Visit, type VisitOptions } from "./visitor.ts";

export interface Operation {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly subject: string;
  readonly steps: readonly { readonly name: string; readonly state: string }[];
  readonly createdAt: number;
  readonly finishedAt?: number;
  readonly error?: { readonly message: string; readonly code: string; readonly step?: string; readonly details?: Record<string, unknown> };
}

export interface LedgerEvent {
  readonly seq: number;
  readonly action: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Installation extends AsyncDisposable {
  readonly home: string;
  /** Repositories below it are the catalogue. */
  readonly appsDir: string;
  /** A directory for the person's own things, outside the home. */
  readonly desk: string;
  /** The server that answers now. */
  readonly server: StartedServer;
  /** Starts a server (again); it becomes `server` unless it is a worker. */
  start(options?: { args?: readonly string[]; env?: Readonly<Record<string, string>>; servesHttp?: boolean }): Promise<StartedServer>;
  /** `norns …` with this home. */
  norns(args: readonly string[], options?: Partial<RunOptions>): Promise<Ran>;
  visit(host: string, path?: string, options?: VisitOptions): Promise<Visit>;
  keepVisiting(host: string, perSecond: number, path?: string): Crowd;
  get<Answer>(path: string): Promise<Answer>;
  send(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  operation(id: string): Promise<Operation>;
  /** Waits for an operation's end; a server that is away meanwhile is waited for. */
  ended(id: string, withinMs?: number): Promise<Operation>;
  events(operation: string): Promise<LedgerEvent[]>;
  /** Resolves when the operation has said this of this step (or the operation is over). */
  untilStep(operation: string, step: string, action: "start" | "complete", withinMs?: number): Promise<void>;
}

export interface InstallationOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** False: no server yet. */
  readonly isStarted?: boolean;
}

export const isOver = (state: string): boolean => !["queued", "running", "retrying", "undoing"].includes(state);

export async function anInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const place = await realpath(await mkdtemp(join(tmpdir(), "norns-journey-")));
  const [home, appsDir, desk] = [join(place, "home"), join(place, "apps"), join(place, "desk")];
  // Apps run as users of their own and must get as far as their own directories.
  await chmod(place, 0o711);
  for (const path of [home, appsDir, desk]) await mkdir(path, { mode: 0o711 });
  const env = { NORNS_APPS_DIR: appsDir, ...options.env };
  const servers: StartedServer[] = [];
  let current: StartedServer | undefined;

  const installation: Installation = {
    home,
    appsDir,
    desk,
    get server() {
      if (!current) throw new Error("No server has been started.");
      return current;
    },
    async start(over = {}) {
      const server = await aStartedServer({
        home,
        env: { ...env, ...over.env },
        args: over.args ?? options.args ?? [],
        servesHttp: over.servesHttp ?? true,
      });
      servers.push(server);
      if (over.servesHttp !== false) current = server;
      return server;
    },
    norns: (args, over = {}) => runCommand(args, { ...over, env: { NORNS_HOME: home, HOME: desk, ...over.env } }),
    visit: (host, path, over) => visit(installation.server.port, host, path, over),
    keepVisiting: (host, perSecond, path) => keepVisiting(installation.server.port, host, perSecond, path),
    async get<Answer>(path: string) {
      const answer = await installation.server.fetch(path);
      if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Answer;
    },
    async send(method, path, body) {
      const answer = await installation.server.fetch(path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const text = await answer.text();
      return { status: answer.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
    },
    operation: (id) => installation.get<Operation>(`/api/operations/${id}`),
    async ended(id, withinMs = 60_000) {
      const until = Date.now() + withinMs;
      for (let last: unknown; ;) {
        try {
          const operation = await installation.operation(id);
          if (isOver(operation.state)) return operation;
          last = operation;
        } catch (error) {
          last = error;
        }
        if (Date.now() > until)
          throw new Error(`${id} has not ended within ${withinMs} ms: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
        await sleep(50);
      }
    },
    events: (operation) => installation.get<LedgerEvent[]>(`/api/events?operation=${operation}&after=0&limit=500`),
    async untilStep(operation, step, action, withinMs = 30_000) {
      const signal = AbortSignal.timeout(withinMs);
      const answer = await installation.server.fetch(`/api/events?operation=${operation}&after=0`, {
        headers: { accept: "text/event-stream" },
        signal,
      });
      const wanted = action === "start" ? ["start"] : ["complete", "skipped"];
      let rest = "";
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
        rest += chunk;
        const lines = rest.split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          if (!line.startsWith("data:")) continue;
          const event = JSON.parse(line.slice(5)) as LedgerEvent;
          if (event.metadata["step"] === step && wanted.some((name) => event.action === `step.${name}`)) return;
          if (/\.(complete|failed|cancelled|undone|undo_failed)$/.test(event.action) && !event.action.startsWith("step.")) return;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.toReversed()) await server[Symbol.asyncDispose]();
      await endProcesses(home);
      await removeDockerHoldings(home);
      const { containers, networks, images } = await dockerHoldings(home);
      const left = [
        ...processesOf(home).map(({ pid, command }) => `process ${pid} ${command}`),
        ...containers.map(({ id }) => `container ${id}`),
        ...networks,
        ...images,
      ];
      await rm(place, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      if (left.length > 0) throw new Error(`The journey leaves behind:\n${left.join("\n")}`);
    },
  };
  if (options.isStarted === false) return installation;
  try {
    await installation.start();
  } catch (error) {
    await installation[Symbol.asyncDispose]();
    throw error;
  }
  return installation;
}

/** Apps outlive their server by design, not the test. Supervisor first: it would start its instances again. */
async function endProcesses(home: string): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const left = processesOf(home).toSorted((one, other) => rank(one.kind) - rank(other.kind));
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone meanwhile.
      }
    }
    await sleep(50);
  }
}

const rank = (kind: string): number => ["supervisor", "instance", "other", "postgres"].indexOf(kind);

export async function until<Value>(
  what: string,
  find: () => Promise<Value | undefined | false | null> | Value | undefined | false,
  withinMs = 10_000,
): Promise<Value> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (performance.now() > end) throw new Error(`There was no ${what} within ${withinMs} ms.`);
    await sleep(25);
  }
}
