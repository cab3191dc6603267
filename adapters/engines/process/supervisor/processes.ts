/** Processes as Linux shows them in /proc. Everything here is a cheap synchronous read of memory, no disk. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessStat {
  readonly pid: number;
  readonly command: string;
  readonly isDead: boolean;
  readonly parent: number;
  readonly session: number;
  /** CPU time of itself and of its ended children, in milliseconds. */
  readonly cpuMs: number;
  /** In clock ticks since boot: with the pid and the boot, it names one process for ever. */
  readonly startTime: string;
}

/** USER_HZ is 100 on every architecture that Node runs on under Linux. */
const msPerTick = 10;

export function findStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null; // Gone, or never there: the question was whether it is.
  }
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  const state = fields[0];
  return {
    pid,
    command: text.slice(open + 1, close),
    isDead: state === "Z" || state === "X",
    parent: Number(fields[1]),
    session: Number(fields[3]),
    cpuMs: (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) * msPerTick,
    startTime: fields[19] ?? "",
  };
}

export function listPids(): number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const code = name.charCodeAt(0);
    if (code >= 0x30 && code <= 0x39) pids.push(Number(name));
  }
  return pids;
}

export function listStats(): ProcessStat[] {
  const stats: ProcessStat[] = [];
  for (const pid of listPids()) {
    const stat = findStat(pid);
    if (stat && !stat.isDead) stats.push(stat);
  }
  return stats;
}

/**
 * The environment a process was started with; null when it is gone or not ours to read, and when it lacks the variable
 * `having`: most processes of a machine are others', and are not taken apart to be passed over.
 */
export function findEnvironment(pid: number, having?: string): ReadonlyMap<string, string> | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return null;
  }
  if (text === "" || (having !== undefined && !text.includes(`${having}=`))) return null;
  const entries = text.split("\0").map((entry) => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  return new Map(entries);
}

/** Memory that the process alone has: what a cgroup would charge it with, the shared text of Node not counted. */
export function privateBytes(pid: number): number {
  try {
    const [, resident, shared] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ").map(Number);
    return Math.max(0, (resident ?? 0) - (shared ?? 0)) * pageBytes();
  } catch {
    return 0; // Gone since it was listed.
  }
}

let knownPageBytes = 0;
function pageBytes(): number {
  if (knownPageBytes === 0) {
    const found = /KernelPageSize:\s+(\d+) kB/.exec(readFileSync("/proc/self/smaps", "latin1"));
    knownPageBytes = found ? Number(found[1]) * 1024 : 4096;
  }
  return knownPageBytes;
}

export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/**
 * The tree of a process: it, its children and theirs, its session, and, when a mark is given, whatever carries it in
 * its environment (a daemon that left parent and session behind).
 */
export function treeOf(root: number, stats: readonly ProcessStat[], mark?: { name: string; value: string }): ProcessStat[] {
  const children = Map.groupBy(stats, ({ parent }) => parent);
  const found = new Map<number, ProcessStat>();
  const add = (stat: ProcessStat) => {
    if (found.has(stat.pid)) return;
    found.set(stat.pid, stat);
    for (const child of children.get(stat.pid) ?? []) add(child);
  };
  for (const stat of stats) {
    if (stat.pid === root || (root > 1 && stat.session === root)) add(stat);
    else if (mark && findEnvironment(stat.pid)?.get(mark.name) === mark.value) add(stat);
  }
  return [...found.values()];
}

/** True when the signal was given; false when there was nobody (any more). */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}

/** Ports on which these processes listen. */
export function listeningPorts(pids: readonly number[]): number[] {
  const inodes = new Set<string>();
  for (const pid of pids) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const socket = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`));
        if (socket) inodes.add(socket[1]!);
      }
    } catch {
      continue; // It ended, or closed the descriptor, while we looked.
    }
  }
  const ports = new Set<number>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readLines(`/proc/${pids[0] ?? "self"}/net/${table}`).slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === "0A" && inode && inodes.has(inode)) ports.add(Number.parseInt(local!.split(":")[1]!, 16));
    }
  }
  return [...ports].sort((a, b) => a - b);
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
