/** How far this machine lets us keep apps apart from each other and from Norns; found out once, by trying. */
import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

export type Isolation =
  | { readonly kind: "own-user"; readonly setpriv?: string; readonly prlimit?: string; readonly nice?: string }
  | {
      readonly kind: "bubblewrap";
      readonly bubblewrap: string;
      readonly hasOwnPids: boolean;
      readonly prlimit?: string;
      readonly nice?: string;
    }
  | { readonly kind: "none"; readonly prlimit?: string; readonly nice?: string };

export interface Limits {
  readonly processes: number;
  readonly openFiles: number;
}

export const defaultLimits: Limits = { processes: 1024, openFiles: 16_384 };

export async function detectIsolation(): Promise<Isolation> {
  const prlimit = findProgram("prlimit");
  const nice = findProgram("nice");
  const limits = { ...(prlimit ? { prlimit } : {}), ...(nice ? { nice } : {}) };
  if (process.getuid?.() === 0) {
    const setpriv = findProgram("setpriv");
    return { kind: "own-user", ...(setpriv && (await runs(setpriv, ["--no-new-privs", "true"])) ? { setpriv } : {}), ...limits };
  }
  const bubblewrap = findProgram("bwrap");
  for (const hasOwnPids of [true, false]) {
    if (bubblewrap && (await runs(bubblewrap, [...bubblewrapBase({ hasOwnPids, hidden: [] }), ...bubblewrapSeal([]), "--", "true"]))) {
      return { kind: "bubblewrap", bubblewrap, hasOwnPids, ...limits };
    }
  }
  return { kind: "none", ...limits };
}

export function describeIsolation(isolation: Isolation): string[] {
  const limits = isolation.prlimit ? "limits on processes and open files" : "no limits on processes and open files (prlimit is missing)";
  const memory = "memory watched every 2 s";
  switch (isolation.kind) {
    case "own-user":
      return [
        "a user of its own per app",
        isolation.setpriv ? "no new privileges" : "may use set-uid programs (setpriv is missing)",
        limits,
        memory,
      ];
    case "bubblewrap":
      return [
        `namespaces by bubblewrap: the files of Norns, homes and /run are hidden${isolation.hasOwnPids ? ", own process numbers" : ""}`,
        "all apps run as this user",
        limits,
        memory,
      ];
    case "none":
      return ["none: apps run as this user and can read what it can read; install bubblewrap, or run Norns as root", limits, memory];
  }
}

/** bubblewrap's arguments without the app's own directories. Order matters: what hides comes before what shows. */
export function bubblewrapBase(options: { hasOwnPids: boolean; hidden: readonly string[]; tmp?: string }): string[] {
  return [
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-uts",
    ...(options.hasOwnPids ? ["--unshare-pid", "--proc", "/proc"] : []),
    "--die-with-parent",
    "--ro-bind",
    "/",
    "/",
    "--dev",
    "/dev",
    "--tmpfs",
    "/run",
    // What /etc/resolv.conf points to on many systems.
    "--ro-bind-try",
    "/run/systemd/resolve",
    "/run/systemd/resolve",
    ...["/home", "/root"].flatMap((path) => (isDirectory(path) ? ["--tmpfs", path] : [])),
    ...(options.tmp === undefined ? [] : ["--bind", options.tmp, "/tmp", "--bind", options.tmp, "/var/tmp"]),
    ...options.hidden.flatMap((path) => ["--tmpfs", path]),
  ];
}

/** Comes last: what hides is memory, and an app must not fill it. */
export function bubblewrapSeal(hidden: readonly string[]): string[] {
  return ["/run", ...["/home", "/root"].filter(isDirectory), ...hidden].flatMap((path) => ["--remount-ro", path]);
}

/** What is hidden from apps beside the fixed places. */
export function hiddenFor(home: string): string[] {
  const paths = new Set([homedir(), home]);
  return [...paths].filter((path) => !["/", "/home", "/root", "/tmp"].includes(path) && isDirectory(path));
}

/** Null when every user may pass through to the path; else the first directory that bars the way. */
export function firstBarrier(path: string): string | null {
  const parents: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    parents.unshift(at);
    if (at === dirname(at)) break;
  }
  return parents.find((parent) => isDirectory(parent) && (statSync(parent).mode & 0o001) === 0) ?? null;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function findProgram(name: string): string | null {
  for (const directory of systemPath.split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue; // Not in this one.
    }
  }
  return null;
}

function runs(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 5_000, env: { PATH: systemPath }, cwd: "/" }, (error) => resolve(error === null));
  });
}
