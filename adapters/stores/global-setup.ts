/**
 * One PostgreSQL for a whole test run, in a temporary home, started when the first test asks for a database and not
 * before: a run of pure tests pays nothing. Tests ask over a Unix socket (`testing.ts`) and get its url.
 *
 * With `NORNS_TEST_POSTGRES` set to the url of a PostgreSQL whose user may create databases, that one is used instead.
 *
 * It goes with the run: on teardown, on a failing exit, and, if the run was killed outright, when the next one starts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { silentLog } from "@norns/kernel/log";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "./embedded/index.ts";
import { isPostmasterOf, startTimeOf } from "./embedded/process-identity.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The socket that answers with the url of the run's PostgreSQL. */
    testPostgres: string;
  }
}

const prefix = "norns-tests-";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedHomes();
  const home = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(home, "owner"), JSON.stringify({ pid: process.pid, startTime: await startTimeOf(process.pid) }));
  const aborter = new AbortController();
  let postgres: Promise<EmbeddedPostgres> | undefined;

  const given = process.env["NORNS_TEST_POSTGRES"];
  const start = async (): Promise<{ url: string }> =>
    given ? { url: given } : await (postgres ??= startEmbeddedPostgres({ home, log: silentLog, signal: aborter.signal, syncs: false }));
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    start().then(
      ({ url }) => socket.end(JSON.stringify({ url })),
      (error: unknown) => socket.end(JSON.stringify({ error: describe(error) })),
    );
  });
  const path = join(home, "ask.sock");
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));

  // The last resort of a run that ends without its teardown: nothing asynchronous works here any more.
  const onExit = (): void => {
    killPostgres(home, "SIGQUIT");
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  process.once("exit", onExit);
  project.provide("testPostgres", path);

  return async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    aborter.abort(new Error("The test run is over."));
    const running = await postgres?.catch(() => undefined);
    await running?.stop();
    process.off("exit", onExit);
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
}

function describe(error: unknown): string {
  const { message, details } = error as { message: string; details?: unknown };
  return details ? `${message} ${JSON.stringify(details)}` : message;
}

function killPostgres(home: string, signal: NodeJS.Signals): number | undefined {
  try {
    const pid = Number(readFileSync(join(home, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
    process.kill(pid, signal);
    return pid;
  } catch {
    return undefined;
  }
}

/** Homes of runs that were killed: the owner written into them is gone. */
async function removeAbandonedHomes(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const home = join(tmpdir(), name);
    let owner: { pid: number; startTime?: string };
    try {
      owner = JSON.parse(readFileSync(join(home, "owner"), "utf8")) as typeof owner;
    } catch {
      continue;
    }
    if ((await startTimeOf(owner.pid)) === owner.startTime) continue;
    const data = join(home, "postgres", "data");
    const pid = postmasterPid(data);
    if (pid !== undefined && (await isPostmasterOf(pid, data))) process.kill(pid, "SIGQUIT");
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

function postmasterPid(data: string): number | undefined {
  try {
    return Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
  } catch {
    return undefined;
  }
}
