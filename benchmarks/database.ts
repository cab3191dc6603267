/** A PostgreSQL as the server brings it, fsync and all, with a database for each side. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@norns/adapters/stores/embedded";
import { silentLog } from "@norns/kernel/log";
import pg from "pg";

export interface BenchDatabase extends AsyncDisposable {
  readonly pid: number;
  /** Makes an empty database and returns its address. */
  create(name: string): Promise<string>;
}

export async function aPostgres(): Promise<BenchDatabase> {
  const home = await mkdtemp(join(tmpdir(), "norns-bench-"));
  await chmod(home, 0o711);
  const postgres = await startEmbeddedPostgres({ home, log: silentLog, signal: new AbortController().signal });
  return {
    pid: postgres.pid,
    async create(name) {
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return postgres.url.replace("/norns?", `/${name}?`);
    },
    async [Symbol.asyncDispose]() {
      await postgres.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
