/** The directories under NORNS_HOME/postgres, the password, and `initdb`. */
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { spawn } from "node:child_process";
import { conflict, NornsError, unavailable } from "@norns/kernel/errors";
import { firstClosedDirectory, type Binaries } from "./binaries.ts";
import type { RunAs } from "./run-as.ts";
import { initdbArguments } from "./settings.ts";

export interface Layout {
  /** `NORNS_HOME/postgres`, entered by PostgreSQL's user; everything else is inside. */
  readonly root: string;
  readonly data: string;
  readonly sockets: string;
  readonly log: string;
  readonly password: string;
  readonly serverLock: string;
}

export const layoutOf = (home: string): Layout => {
  const root = join(home, "postgres");
  return {
    root,
    data: join(root, "data"),
    sockets: join(root, "socket"),
    log: join(root, "postgres.log"),
    password: join(root, "password"),
    serverLock: join(root, "server.lock"),
  };
};

/** Makes what is missing. Safe to call under a running PostgreSQL. */
export async function prepareDirectories(layout: Layout, runAs: RunAs): Promise<void> {
  await mkdir(dirname(layout.root), { recursive: true, mode: runAs ? 0o711 : 0o700 });
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  await mkdir(layout.sockets, { recursive: true, mode: 0o700 });
  if (!runAs) return;
  // NORNS_HOME itself is ours: passed through by everyone, listed by nobody else, its files 0600.
  const home = await stat(dirname(layout.root));
  if (home.uid === process.getuid?.() && (home.mode & 0o011) !== 0o011) await chmod(dirname(layout.root), (home.mode & 0o777) | 0o011);
  const closed = await firstClosedDirectory(dirname(layout.root), runAs);
  if (closed)
    throw unavailable(
      "home_closed",
      `PostgreSQL runs as the user ${runAs.name}, who cannot enter a directory above NORNS_HOME. Set NORNS_HOME to a place that user can reach, such as /var/lib/norns, or set DATABASE_URL.`,
      { details: { directory: closed, user: runAs.name } },
    );
  await chown(layout.root, runAs.uid, runAs.gid);
  await chown(layout.sockets, runAs.uid, runAs.gid);
}

/** The password of the database's one user, made at the first start: 0600, ours. */
export async function ensurePassword(layout: Layout): Promise<string> {
  const found = await readFile(layout.password, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found?.trim()) {
    await chmod(layout.password, 0o600);
    return found.trim();
  }
  const password = randomBytes(24).toString("base64url");
  const draft = `${layout.password}.${process.pid}.part`;
  await writeFile(draft, `${password}\n`, { mode: 0o600 });
  await rename(draft, layout.password);
  return password;
}

/**
 * A data directory that is whole: initdb works in a directory beside it, which is renamed when it is done, so a crash
 * in the middle leaves nothing behind that looks like a database.
 */
export async function ensureDataDirectory(options: {
  layout: Layout;
  binaries: Binaries;
  runAs: RunAs;
  password: string;
  syncs: boolean;
  signal: AbortSignal;
}): Promise<void> {
  const { layout, binaries, runAs } = options;
  const version = await readFile(join(layout.data, "PG_VERSION"), "utf8").catch(() => undefined);
  if (version !== undefined) {
    if (version.trim() === binaries.major) return;
    throw conflict(
      "postgres_other_version",
      `The database under NORNS_HOME was made by PostgreSQL ${version.trim()}; this Norns brings PostgreSQL ${binaries.major}. Start the Norns that made it and move the data with a dump, or set DATABASE_URL.`,
      { details: { found: version.trim(), needed: binaries.major } },
    );
  }
  await removeHalfMade(layout);
  const half = join(layout.root, `data.${randomBytes(6).toString("hex")}.part`);
  const passwordFile = `${half}.password.part`;
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600, flag: "wx" });
  try {
    if (runAs) await chown(passwordFile, runAs.uid, runAs.gid);
    const { code, output } = await run(
      binaries.initdb,
      initdbArguments({ dataDirectory: half, passwordFile, syncs: options.syncs }),
      runAs,
      options.signal,
    );
    if (code !== 0) throw startFailure("PostgreSQL's data directory could not be made", output);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(half, layout.data);
}

/** What starts that were broken off left behind. An initdb of a killed server may still be at work in it: then next time. */
async function removeHalfMade(layout: Layout): Promise<void> {
  const left = (await readdir(layout.root)).filter((name) => name.endsWith(".part"));
  await Promise.allSettled(left.map((name) => rm(join(layout.root, name), { recursive: true, force: true })));
}

/** The environment of PostgreSQL's programs: nothing of ours, which may hold secrets. */
export const postgresEnvironment: Readonly<Record<string, string>> = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

function run(program: string, args: string[], runAs: RunAs, signal: AbortSignal): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: postgresEnvironment,
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
    });
    let output = "";
    const collect = (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-8_192));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => {
      if (child.pid === undefined) reject(startFailure("PostgreSQL's programs could not be run", String(error)));
    });
    // When it was aborted too: only now has it, and what it started, left the directory.
    child.once("close", (code) => (signal.aborted ? reject(signal.reason) : resolve({ code, output })));
  });
}

const reasons: readonly (readonly [RegExp, string, string])[] = [
  [/No space left on device|Check free disk space|Disk quota exceeded/i, "disk_full", "the disk is full. Make room and start again"],
  [/Address already in use|could not bind/i, "port_taken", "its port is taken by another program. Start again to use another one"],
  [/Permission denied/i, "permission_denied", "it may not read or write its files. Check who owns NORNS_HOME/postgres"],
  [
    /pre-existing shared memory block/i,
    "still_running",
    "processes of an earlier PostgreSQL are still ending. Wait a moment and start again",
  ],
  [/could not map anonymous shared memory|Cannot allocate memory|out of memory/i, "out_of_memory", "there is not enough memory"],
  [
    /invalid (?:value for parameter "lc_|locale name)/i,
    "locale_missing",
    "a locale that its database was made with is missing on this system. Install it, or set DATABASE_URL",
  ],
  [/database files are incompatible/i, "incompatible_files", "its files were made by another build of PostgreSQL"],
  [
    /could not locate a valid checkpoint record|invalid (?:primary )?checkpoint/i,
    "data_damaged",
    "its files are damaged. Restore a backup of NORNS_HOME/postgres",
  ],
  [
    /error while loading shared libraries|cannot open shared object/i,
    "library_missing",
    "a library that it needs is missing. Run npm install again",
  ],
  [/GLIBC_[\d.]+' not found/i, "system_too_old", "this system's C library is too old for it. Set DATABASE_URL to a PostgreSQL 15 or newer"],
];

/** What the system says when our own work on the files fails, in the same words. Everything else stays as it is. */
export function toStartError(thrown: unknown): unknown {
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof NornsError || typeof syscall !== "string") return thrown;
  const text = {
    ENOSPC: "No space left on device",
    EDQUOT: "No space left on device",
    EACCES: "Permission denied",
    EPERM: "Permission denied",
    EROFS: "Permission denied",
  }[code ?? ""];
  if (!text) return thrown;
  const failure = startFailure("PostgreSQL's files could not be prepared", text);
  return unavailable(failure.code, failure.message, { details: { reason: failure.details?.["reason"] }, cause: thrown });
}

/** The last lines that PostgreSQL wrote, and what they mean as far as we know. */
export function startFailure(what: string, output: string): NornsError {
  const lines = output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-12);
  const known = reasons.find(([pattern]) => pattern.test(output));
  return unavailable("postgres_start_failed", `${what}: ${known ? known[2] : "its last lines say why (see details)"}.`, {
    details: { reason: known?.[1] ?? "unknown", log: lines },
  });
}
