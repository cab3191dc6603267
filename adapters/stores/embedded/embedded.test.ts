import { spawn, type ChildProcess } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { kernelMigrations } from "@norns/kernel/events";
import { migrate } from "@norns/kernel/database";
import { silentLog } from "@norns/kernel/log";
import { openPostgres } from "../postgres/index.ts";
import { findBinaries, findPackage } from "./binaries.ts";
import { startFailure } from "./data-directory.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "./index.ts";
import { isAlive, isPostmasterOf } from "./process-identity.ts";
import { postgresArguments, socketFits, urlOf } from "./settings.ts";

const signal = new AbortController().signal;

/** A directory for one test; a PostgreSQL that the test left running in it is ended. */
async function aHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "norns-home-"));
  onTestFinished(async () => {
    const pid = await postmasterPid(home).catch(() => undefined);
    if (pid && (await isPostmasterOf(pid, join(home, "postgres", "data")))) {
      process.kill(pid, "SIGQUIT");
      while (await isAlive(pid)) await sleep(20);
    }
    await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  return home;
}

const postmasterPid = async (home: string): Promise<number> =>
  Number((await readFile(join(home, "postgres", "data", "postmaster.pid"), "utf8")).split("\n")[0]);

async function start(home: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ home, log: silentLog, signal, syncs: false });
  onTestFinished(() => postgres.stop());
  return postgres;
}

/** A server of its own, as `npm start` has it: in a process group of its own. Resolves once PostgreSQL runs. */
async function startElsewhere(home: string): Promise<{ server: ChildProcess; said: string }> {
  const script = `
    import { startEmbeddedPostgres } from "@norns/adapters/stores/embedded";
    import { silentLog } from "@norns/kernel/log";
    try {
      const postgres = await startEmbeddedPostgres({ home: process.argv[1], log: silentLog, signal: new AbortController().signal, syncs: false });
      console.log("running " + postgres.pid);
      setInterval(() => {}, 1000);
    } catch (error) { console.log("refused " + error.code); }`;
  const server = spawn(process.execPath, ["--input-type=module", "-e", script, home], {
    cwd: import.meta.dirname,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void server.kill("SIGKILL"));
  const said = await new Promise<string>((resolve) => server.stdout!.once("data", (data: Buffer) => resolve(data.toString())));
  return { server, said };
}

const exited = (server: ChildProcess) => new Promise((resolve) => server.once("exit", resolve));

describe("the embedded PostgreSQL", () => {
  test("it starts in an empty home, keeps its data over a stop, and is there again", async () => {
    const home = await aHome();
    const startedAt = performance.now();
    const first = await start(home);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(first.wasAdopted).toBe(false);
    const store = openPostgres({ url: first.url });
    expect((await migrate(store, [kernelMigrations])).applied).toHaveLength(2);
    await store.close();
    await first.stop();
    await first.stop();
    expect(await isAlive(first.pid)).toBe(false);

    const second = await start(home);
    const again = openPostgres({ url: second.url });
    expect((await migrate(again, [kernelMigrations])).applied).toEqual([]);
    const { rows } = await again.pool.query(
      "select current_setting('server_version_num')::int / 10000 as major, current_setting('listen_addresses') as addresses",
    );
    expect(rows).toEqual([{ major: 18, addresses: "" }]);
    await again.close();
  });

  test("[N5] it keeps the password to its owner, lets nobody in without it, and never runs as root", async () => {
    const home = await aHome();
    const postgres = await start(home);
    expect((await stat(join(home, "postgres", "password"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, "postgres"))).mode & 0o077).toBe(0);
    expect((await stat(join(home, "postgres", "data"))).mode & 0o077).toBe(0);
    expect((await readdir(join(home, "postgres"))).filter((name) => name.endsWith(".part"))).toEqual([]);
    const stranger = openPostgres({ url: postgres.url.replace(/norns:[^@]+@/, "norns:wrong@") });
    await expect(stranger.pool.query("select 1")).rejects.toMatchObject({ code: "28P01" });
    await stranger.close();
    if (process.platform === "linux") {
      expect((await stat(`/proc/${postgres.pid}`)).uid).not.toBe(0);
      expect(await readFile(`/proc/${postgres.pid}/environ`, "utf8").catch(() => "")).not.toContain("PASSWORD");
    }
  });

  test("it refuses a home that another server uses, and says so", async () => {
    const home = await aHome();
    await start(home);
    await expect(start(home)).rejects.toMatchObject({ kind: "conflict", code: "home_in_use" });
    expect((await startElsewhere(home)).said).toContain("refused home_in_use");
  });

  test("it lets one of three servers that start together through", async () => {
    const home = await aHome();
    const ends = await Promise.all([startElsewhere(home), startElsewhere(home), startElsewhere(home)]);
    expect(ends.filter(({ said }) => said.startsWith("running"))).toHaveLength(1);
    expect(ends.filter(({ said }) => said.startsWith("refused home_in_use"))).toHaveLength(2);
  });

  test("it takes over the PostgreSQL of a server that was killed", async () => {
    const home = await aHome();
    const { server, said } = await startElsewhere(home);
    const pid = Number(said.split(" ")[1]);
    server.kill("SIGKILL");
    await exited(server);
    expect(await isAlive(pid)).toBe(true);
    const postgres = await start(home);
    expect([postgres.wasAdopted, postgres.pid]).toEqual([true, pid]);
    await postgres.stop();
    expect(await isAlive(pid)).toBe(false);
  });

  test("it outlives a SIGTERM to the server's process group", async () => {
    const home = await aHome();
    const { server, said } = await startElsewhere(home);
    const pid = Number(said.split(" ")[1]);
    process.kill(-server.pid!, "SIGTERM");
    await exited(server);
    await sleep(200);
    expect(await isAlive(pid)).toBe(true);
  });

  test("it starts over a pid file whose number belongs to somebody else by now", async () => {
    const home = await aHome();
    const first = await start(home);
    const file = join(home, "postgres", "data", "postmaster.pid");
    const text = await readFile(file, "utf8");
    await first.stop();
    await writeFile(file, text.replace(/^\d+/, String(process.pid)));
    const second = await start(home);
    expect(second.wasAdopted).toBe(false);
    expect(await isAlive(process.pid)).toBe(true);
  });

  test("it starts PostgreSQL again at the same place when that is killed; its callers hear `unavailable` meanwhile", async () => {
    const home = await aHome();
    const postgres = await start(home);
    await using store = openPostgres({ url: postgres.url, poolSize: 4 });
    const table = store.tables<{ counted: { n: number } }>("public");
    await store.batch([table.schema.createTable("counted").addColumn("n", "bigint")]);
    const kinds = new Set<string>();
    let written = 0;
    let isOver = false;
    const writers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await table
          .insertInto("counted")
          .values({ n: 1 })
          .execute()
          .then(
            () => written++,
            (error: { kind: string; code: string }) => kinds.add(`${error.kind} ${error.code}`),
          );
        await sleep(1);
      }
    });
    await sleep(200);
    const before = postgres.pid;
    process.kill(before, "SIGKILL");
    for (let waited = 0; postgres.pid === before && waited < 15_000; waited += 50) await sleep(50);
    expect(postgres.pid).not.toBe(before);
    const atRestart = written;
    for (let waited = 0; written === atRestart && waited < 15_000; waited += 50) await sleep(50);
    isOver = true;
    await Promise.all(writers);
    expect(written).toBeGreaterThan(atRestart);
    for (const kind of kinds) expect(kind).toMatch(/^unavailable (commit_unknown|database_unavailable)$/);
    const { count } = await table
      .selectFrom("counted")
      .select((eb) => eb.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    expect(count).toBeGreaterThanOrEqual(written);
  });

  test("it leaves nothing half made when a first start is broken off", async () => {
    const home = await aHome();
    const aborter = new AbortController();
    const starting = startEmbeddedPostgres({ home, log: silentLog, signal: aborter.signal, syncs: false });
    await sleep(150);
    aborter.abort(new Error("stop"));
    await expect(starting).rejects.toThrow();
    expect(await readdir(join(home, "postgres"))).not.toContain("data");
    await start(home);
  });

  test("it refuses data of another PostgreSQL version", async () => {
    const home = await aHome();
    await mkdir(join(home, "postgres", "data"), { recursive: true });
    await writeFile(join(home, "postgres", "data", "PG_VERSION"), "15\n");
    await expect(start(home)).rejects.toMatchObject({
      kind: "conflict",
      code: "postgres_other_version",
      details: { found: "15", needed: "18" },
    });
  });
});

describe("its programs", () => {
  test("it copies them by version when their place is closed to the user, with the links that npm left out", async () => {
    const home = await aHome();
    const closed = join(home, "closed", "package");
    await mkdir(join(home, "closed"), { mode: 0o700 });
    await cp(findPackage(), closed, { recursive: true, verbatimSymlinks: true });
    for (const name of await readdir(join(closed, "native", "lib")))
      if (/\.so(\.\d+)?$/.test(name) && (name.endsWith(".so") || name.includes("icu"))) await rm(join(closed, "native", "lib", name));
    const user = { uid: 65_534, gid: 65_534, name: "nobody" };
    const found = await findBinaries(home, user, closed);
    expect(found.postgres).toBe(join(home, `postgres-${found.version}`, "native", "bin", "postgres"));
    expect(await readdir(join(found.postgres, "..", "..", "lib"))).toEqual(
      expect.arrayContaining(["libpq.so", "libicuuc.so.60", "libicuuc.so"]),
    );
    expect((await stat(join(home, `postgres-${found.version}`))).mode & 0o755).toBe(0o755);
    expect(await findBinaries(home, user, closed)).toEqual(found);
  });

  test("it makes the links where they belong when it may", async () => {
    const home = await aHome();
    const open = join(home, "package");
    await cp(findPackage(), open, { recursive: true, verbatimSymlinks: true });
    await rm(join(open, "native", "lib", "libicuuc.so.60"), { force: true });
    const found = await findBinaries(home, undefined, open);
    expect(found.postgres).toBe(join(open, "native", "bin", "postgres"));
    expect(await readdir(join(open, "native", "lib"))).toContain("libicuuc.so.60");
  });
});

describe("its settings", () => {
  test("it listens on a socket only, and on loopback where a socket's path would be too long", () => {
    const args = (host: string, port: number) => postgresArguments({ dataDirectory: "/d", endpoint: { host, port }, syncs: true });
    expect(args("/h/socket", 5432)).toEqual(expect.arrayContaining(["listen_addresses=", "unix_socket_directories=/h/socket", "fsync=on"]));
    expect(args("127.0.0.1", 40_001)).toEqual(
      expect.arrayContaining(["listen_addresses=127.0.0.1", "unix_socket_directories=", "port=40001"]),
    );
    expect([socketFits("/var/lib/norns/postgres/socket"), socketFits(`/${"x".repeat(120)}`)]).toEqual([true, false]);
    expect(urlOf({ host: "127.0.0.1", port: 1 }, "p/w", "norns")).toBe("postgres://norns:p%2Fw@127.0.0.1:1/norns");
  });

  test("it works on loopback too", async () => {
    const above = await aHome();
    await chmod(above, 0o755);
    const home = join(above, "a-directory-whose-name-is-so-long".repeat(4));
    const postgres = await startEmbeddedPostgres({ home, log: silentLog, signal, syncs: false });
    expect(postgres.url).toContain("@127.0.0.1:");
    await using store = openPostgres({ url: postgres.url });
    expect((await store.pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await store.close();
    await postgres.stop();
  });

  test.each([
    ['FATAL:  could not write lock file "postmaster.pid": No space left on device', "disk_full"],
    ["FATAL:  could not extend file: wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.", "disk_full"],
    ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', "port_taken"],
    ["FATAL:  could not map anonymous shared memory: Cannot allocate memory", "out_of_memory"],
    ['FATAL:  database locale is incompatible\ninvalid value for parameter "lc_messages"', "locale_missing"],
    ["PANIC:  could not locate a valid checkpoint record", "data_damaged"],
    ["postgres: error while loading shared libraries: libicuuc.so.60", "library_missing"],
    ["something new", "unknown"],
  ])("it says what PostgreSQL's last lines mean: %s", (line, reason) => {
    expect(startFailure("PostgreSQL did not start", `earlier\n${line}\n`)).toMatchObject({
      kind: "unavailable",
      code: "postgres_start_failed",
      details: { reason, log: ["earlier", ...line.split("\n")] },
    });
  });
});
