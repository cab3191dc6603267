/** Our server as `npm start` runs it, with what a benchmark needs to know of it. */
import { execFile } from "node:child_process";
import { appendFile, chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { aStartedServer, processesOf, type StartedServer, type StartOptions } from "../programs/server/testing.ts";

const run = promisify(execFile);

/** `NORNS_BENCH_PROFILE=server` leaves a .cpuprofile of the server in the working directory. */
export function ourServer({ env, ...options }: StartOptions = {}): Promise<StartedServer> {
  const isProfiled = process.env["NORNS_BENCH_PROFILE"] === "server";
  return aStartedServer({
    ...options,
    env: { ...env, ...(isProfiled ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${process.cwd()}` } : {}) },
  });
}

/** An apps directory that is removed at the end. Apps run as users of their own, who have to get in. */
export async function anAppsDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "norns-bench-apps-"));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const git = (directory: string, ...args: string[]) =>
  run("git", ["-C", directory, "-c", "user.name=bench", "-c", "user.email=bench@localhost", ...args], {
    env: { PATH: process.env["PATH"], HOME: directory },
  });

/** A copy of an example as an app of its own name, in a git repository of its own. */
export async function copyExample(example: string, appsDirectory: string, name: string): Promise<string> {
  const target = join(appsDirectory, name);
  await cp(new URL(`../examples/${example}`, import.meta.url), target, { recursive: true });
  const specFile = join(target, "infraspec.yaml");
  await writeFile(specFile, (await readFile(specFile, "utf8")).replace(/^name: \S+/m, `name: ${name}`));
  await git(target, "init", "-q", "-b", "main");
  await commit(target, "first");
  return target;
}

/** A new commit that changes what the app ships. */
export async function commit(directory: string, mark: string): Promise<void> {
  await appendFile(join(directory, "server.mjs"), `// ${mark}\n`);
  await git(directory, "add", "-A");
  await git(directory, "commit", "-q", "-m", mark);
}

/** 100 small apps that nobody deploys. */
export async function manyApps(appsDirectory: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const name = `app-${String(index).padStart(3, "0")}`;
    await mkdir(join(appsDirectory, name), { recursive: true });
    await writeFile(
      join(appsDirectory, name, "infraspec.yaml"),
      `name: ${name}\nrepo: { url: "https://git.example.org/team/${name}.git", branch: main }\nbuild: { command: npm ci, test: npm test }\n` +
        `processes:\n  web: { command: node server.js, port: 3000, health: { path: /health }, count: 2 }\n  worker: { command: node worker.js }\n` +
        `volumes:\n  - { name: data, mount: /data }\n`,
    );
  }
}

/** Claims the fresh installation and signs in: a person's session, as a browser has one. */
export async function claim(server: StartedServer): Promise<{ readonly token: string; readonly email: string; readonly password: string }> {
  const found = /\/claim#([\w-]+)/.exec(server.output());
  if (!found) throw new Error(`There is no claim link in what the server printed:\n${server.output()}`);
  const [email, password] = ["ada@example.org", "correct horse battery"];
  const answer = await fetch(`${server.url}/api/auth/claim`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: found[1], email, password, name: "Ada" }),
  });
  const body = (await answer.json()) as { token: string };
  if (answer.status !== 201) throw new Error(`The installation could not be claimed: ${JSON.stringify(body)}`);
  return { token: body.token, email, password };
}

/** Where the server's own PostgreSQL is reached. */
export async function databaseUrl(home: string): Promise<string> {
  const pidFile = (await readFile(join(home, "postgres/data/postmaster.pid"), "utf8")).split("\n");
  const [port, sockets] = [pidFile[3]!, pidFile[4]!];
  const password = (await readFile(join(home, "postgres/password"), "utf8")).trim();
  return `postgres://norns:${encodeURIComponent(password)}@/norns?host=${encodeURIComponent(sockets)}&port=${port}`;
}

export async function supervisorPid(home: string): Promise<number | undefined> {
  return (await processesOf(home)).find((one) => one.command.includes("supervisor"))?.pid;
}

/** The apps directory is read in the background. */
export async function untilListed(server: StartedServer, app: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await server.fetch(`/api/apps/${app}`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The app ${app} was not found in its directory.`);
}

export interface Finished {
  readonly operation: {
    readonly id: string;
    readonly state: string;
    readonly createdAt: number;
    readonly startedAt?: number;
    readonly finishedAt: number;
    readonly error?: { readonly message: string };
  };
  /** Milliseconds by step. */
  readonly steps: Readonly<Record<string, number>>;
  readonly wallMs: number;
}

/** Deploys and waits for the operation's end, as somebody who follows it does. */
export async function deploy(server: StartedServer, app: string, timeoutMs = 60_000): Promise<Finished> {
  const started = performance.now();
  const answer = await server.fetch(`/api/apps/${app}/deploy`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { operationId, ...rest } = (await answer.json()) as { operationId: string };
  if (answer.status !== 202) throw new Error(`${app} was not deployed: ${JSON.stringify(rest)}`);
  for (;;) {
    const operation = (await (await server.fetch(`/api/operations/${operationId}`)).json()) as Finished["operation"] & {
      steps: { name: string; startedAt?: number; finishedAt?: number }[];
    };
    const wallMs = performance.now() - started;
    if (operation.finishedAt !== undefined) {
      if (operation.state !== "succeeded")
        throw new Error(`The deployment of ${app} ended ${operation.state}: ${operation.error?.message}`);
      const steps = Object.fromEntries(
        operation.steps.map((step) => [step.name, (step.finishedAt ?? 0) - (step.startedAt ?? step.finishedAt ?? 0)]),
      );
      return { operation, steps, wallMs };
    }
    if (wallMs > timeoutMs) throw new Error(`The deployment of ${app} did not end within ${timeoutMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
