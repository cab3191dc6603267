/**
 * One PostgreSQL server process: started in a session of its own (a Ctrl-C or a SIGTERM to the server's process group
 * does not reach it), asked whether it answers, found again after a crash of ours, stopped in order.
 */
import { spawn } from "node:child_process";
import { chown, open, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { unavailable } from "@norns/kernel/errors";
import type { Binaries } from "./binaries.ts";
import { postgresEnvironment, startFailure, type Layout } from "./data-directory.ts";
import { isAlive, isPostmasterOf } from "./process-identity.ts";
import type { RunAs } from "./run-as.ts";
import { postgresArguments, socketFits, urlOf, type Endpoint } from "./settings.ts";

export interface Postmaster {
  readonly pid: number;
  readonly endpoint: Endpoint;
  /** Settles when the process is gone, whoever ended it. */
  readonly exited: Promise<void>;
}

/** What postmaster.pid says of a running server. */
interface PidFile {
  readonly pid: number;
  readonly endpoint: Endpoint;
}

const readyWithinMs = 60_000;
const pollMs = 10;

/** The server that already runs on this data directory, if one does; a pid file without its process is removed. */
export async function adoptPostmaster(options: { layout: Layout; password: string; signal: AbortSignal }): Promise<Postmaster | undefined> {
  const { layout, password, signal } = options;
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    signal.throwIfAborted();
    const found = await readPidFile(layout.data);
    if (!found) return undefined;
    if (!(await isPostmasterOf(found.pid, layout.data))) {
      // Either nobody, or a process that was given the number since. PostgreSQL would refuse to start for the latter.
      await rm(join(layout.data, "postmaster.pid"), { force: true });
      return undefined;
    }
    if (await answersAs(found.endpoint, password, layout.data))
      return { pid: found.pid, endpoint: found.endpoint, exited: watchExit(found.pid) };
    if (Date.now() > deadline)
      throw unavailable(
        "postgres_silent",
        `A PostgreSQL of this NORNS_HOME runs (process ${found.pid}) but does not answer. Stop it and start again.`,
        {
          details: { pid: found.pid },
        },
      );
    await sleep(100, undefined, { signal });
  }
}

export async function startPostmaster(options: {
  layout: Layout;
  binaries: Binaries;
  runAs: RunAs;
  password: string;
  syncs: boolean;
  /** Where to listen; a restart keeps the place, so that the url stays true. */
  endpoint?: Endpoint | undefined;
  signal: AbortSignal;
}): Promise<Postmaster> {
  const { layout, binaries, runAs, password, signal } = options;
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    const endpoint = options.endpoint ?? (await chooseEndpoint(layout));
    const log = await openLog(layout, runAs);
    const logStart = (await log.stat()).size;
    const child = spawn(binaries.postgres, postgresArguments({ dataDirectory: layout.data, endpoint, syncs: options.syncs }), {
      cwd: "/",
      env: postgresEnvironment,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
    });
    let ended = false;
    let spawnError: Error | undefined;
    const exited = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", (error) => {
        spawnError = error;
        resolve();
      });
    }).then(() => void (ended = true));
    child.unref();
    await log.close();

    while (!ended && !signal.aborted && Date.now() < deadline && !(await answersAs(endpoint, password, layout.data))) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
    if (!ended && !signal.aborted && Date.now() < deadline && child.pid !== undefined) return { pid: child.pid, endpoint, exited };

    if (!ended && child.pid !== undefined) {
      child.kill("SIGINT");
      await exited;
    }
    signal.throwIfAborted();
    if (spawnError) throw startFailure("PostgreSQL could not be started", String(spawnError));
    const output = (await readFile(layout.log, "utf8")).slice(logStart);
    const failure = startFailure("PostgreSQL did not start", output);
    // After a kill -9 of the old server its backends need a moment to notice; a port may be taken between choice and use.
    const mayPass = failure.details?.["reason"] === "still_running" || (failure.details?.["reason"] === "port_taken" && !options.endpoint);
    if (!mayPass || Date.now() > deadline - readyWithinMs + 10_000) throw failure;
    await sleep(100, undefined, { signal });
  }
}

/** Fast shutdown: open transactions are rolled back, everything is written out. Immediate after `withinMs`. */
export async function stopPostmaster(postmaster: Postmaster, dataDirectory: string, withinMs = 30_000): Promise<void> {
  if (!(await isPostmasterOf(postmaster.pid, dataDirectory))) return;
  for (const [signal, ms] of [
    ["SIGINT", withinMs],
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ] as const) {
    try {
      process.kill(postmaster.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
      throw error;
    }
    const timeout = new AbortController();
    const gone = await Promise.race([postmaster.exited.then(() => true), sleep(ms, false, { signal: timeout.signal }).catch(() => false)]);
    timeout.abort();
    if (gone) return;
  }
}

/** True when PostgreSQL answers there, knows our password and serves this very data directory. */
async function answersAs(endpoint: Endpoint, password: string, dataDirectory: string): Promise<boolean> {
  if (endpoint.host.startsWith("/") && !(await stat(join(endpoint.host, `.s.PGSQL.${endpoint.port}`)).catch(() => undefined))) return false;
  const client = new pg.Client({ connectionString: urlOf(endpoint, password, "postgres"), connectionTimeoutMillis: 2_000 });
  // Refused, starting up, shutting down: all mean "not yet", and the caller's deadline ends the asking.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    return rows[0]?.data_directory === dataDirectory;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function readPidFile(dataDirectory: string): Promise<PidFile | undefined> {
  const text = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const [pid, , , port, socketDirectory, address] = text.split("\n").map((line) => line.trim());
  if (!Number.isInteger(Number(pid)) || Number(pid) <= 0) return undefined;
  return { pid: Number(pid), endpoint: { host: socketDirectory || address || "127.0.0.1", port: Number(port) || 5432 } };
}

async function chooseEndpoint(layout: Layout): Promise<Endpoint> {
  if (socketFits(layout.sockets)) return { host: layout.sockets, port: 5432 };
  return { host: "127.0.0.1", port: await freePort() };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Appended to, and put aside when it has grown: PostgreSQL holds the file open, so only between two starts. */
async function openLog(layout: Layout, runAs: RunAs) {
  const found = await stat(layout.log).catch(() => undefined);
  if (found && found.size > 4_000_000) await rename(layout.log, `${layout.log}.1`);
  const log = await open(layout.log, "a", 0o600);
  if (runAs) await chown(layout.log, runAs.uid, runAs.gid);
  return log;
}

/** A process that is not our child tells nobody when it ends: asked twice a second, without keeping our own alive. */
async function watchExit(pid: number): Promise<void> {
  while (await isAlive(pid)) await sleep(500, undefined, { ref: false });
}
