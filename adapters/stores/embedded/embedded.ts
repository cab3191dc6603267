import { setTimeout as sleep } from "node:timers/promises";
import { realpath } from "node:fs/promises";
import pg from "pg";
import type { Log } from "@norns/kernel/log";
import { findBinaries } from "./binaries.ts";
import { ensureDataDirectory, ensurePassword, layoutOf, prepareDirectories, toStartError } from "./data-directory.ts";
import { adoptPostmaster, startPostmaster, stopPostmaster, type Postmaster } from "./postmaster.ts";
import { chooseUser } from "./run-as.ts";
import { takeServerLock } from "./server-lock.ts";
import { databaseName, urlOf } from "./settings.ts";

export interface EmbeddedPostgresOptions {
  /** NORNS_HOME. */
  readonly home: string;
  readonly log: Log;
  /** Ends a start that is under way. A running PostgreSQL is ended by `stop`. */
  readonly signal: AbortSignal;
  /** False keeps nothing over a crash of the machine: for tests. */
  readonly syncs?: boolean;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connects as the owner of the database `norns`. Holds the password. Stays true over restarts of PostgreSQL. */
  readonly url: string;
  readonly pid: number;
  /** True when it was already running: a server of ours had been killed. */
  readonly wasAdopted: boolean;
  /** Ends PostgreSQL in order and frees the home. Close the stores first. Harmless to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL under `home`, or takes over the one that an earlier server of ours left running there. When it ends
 * by itself (killed, out of memory) it is started again at the same place. First start about 1 s, later 0.1 s.
 *
 * Throws `conflict` `home_in_use` when another server uses this home, `conflict` `postgres_other_version`, and
 * `unavailable` `postgres_start_failed` (details: reason, PostgreSQL's last lines), `postgres_not_installed`,
 * `home_closed`, `postgres_no_user`.
 */
export async function startEmbeddedPostgres({ home, log, signal, syncs = true }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const runAs = await chooseUser();
  await prepareDirectories(layoutOf(home), runAs).catch((error: unknown) => {
    throw toStartError(error);
  });
  // PostgreSQL names its directories as the system does: links in the path are resolved before they are compared.
  const layout = layoutOf(await realpath(home));
  const lock = await takeServerLock(layout.serverLock);
  let current: Postmaster;
  try {
    const password = await ensurePassword(layout);
    const adopted = await adoptPostmaster({ layout, password, signal });
    // Looked up when it is needed: an adopted server runs from wherever it was started.
    const start = async (until: AbortSignal, endpoint?: Postmaster["endpoint"]): Promise<Postmaster> => {
      const binaries = await findBinaries(layout.root, runAs);
      await ensureDataDirectory({ layout, binaries, runAs, password, syncs, signal: until });
      return await startPostmaster({ layout, binaries, runAs, password, syncs, endpoint, signal: until });
    };
    current = adopted ?? (await start(signal));
    const { endpoint } = current;
    await ensureDatabase(urlOf(endpoint, password, "postgres"));
    log.info({ pid: current.pid, adopted: adopted !== undefined }, "PostgreSQL is running");

    const stopping = new AbortController();
    const guardian = keepRunning();
    let stopped: Promise<void> | undefined;
    async function keepRunning(): Promise<void> {
      for (let pause = 0; ; pause = Math.min(30_000, pause * 2 + 100)) {
        const startedAt = Date.now();
        await Promise.race([current.exited, aborted(stopping.signal)]);
        if (stopping.signal.aborted) return;
        if (Date.now() - startedAt > 60_000) pause = 0;
        log.error({ pid: current.pid }, "PostgreSQL ended by itself; starting it again");
        await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
        if (stopping.signal.aborted) return;
        try {
          current = (await adoptPostmaster({ layout, password, signal: stopping.signal })) ?? (await start(stopping.signal, endpoint));
          log.info({ pid: current.pid }, "PostgreSQL is running again");
        } catch (error) {
          if (stopping.signal.aborted) return;
          log.error({ error }, "PostgreSQL could not be started again; trying once more shortly");
        }
      }
    }

    const embedded: EmbeddedPostgres = {
      url: urlOf(endpoint, password, databaseName),
      get pid() {
        return current.pid;
      },
      wasAdopted: adopted !== undefined,
      stop: () =>
        (stopped ??= (async () => {
          stopping.abort(new Error("PostgreSQL is being stopped."));
          await guardian;
          await stopPostmaster(current, layout.data);
          await lock.release();
        })()),
      [Symbol.asyncDispose]: () => embedded.stop(),
    };
    return embedded;
  } catch (error) {
    await lock.release();
    throw toStartError(error);
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [databaseName]);
    if (rowCount === 0) await client.query(`create database ${databaseName}`);
  } finally {
    await client.end();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
