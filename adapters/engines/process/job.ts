/**
 * A command that runs to its end: a build, a test, a migration. It is a child of the server; whatever it leaves running
 * is ended with it. Each of its processes carries a mark with the server's pid and start time, so that the next server
 * finds and ends what a killed one left.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, statSync } from "node:fs";
import { constants } from "node:os";
import { invalid, unavailable } from "@norns/kernel/errors";
import type { NodeId } from "@norns/kernel/ids";
import type { OutputSink } from "../port.ts";
import { openBubblewrapArguments } from "./supervisor/bubblewrap-arguments.ts";
import { inheritedDescriptors } from "./supervisor/descriptors.ts";
import { supervisorMark } from "./supervisor/marks.ts";
import { findEnvironment, findStat, listStats, sendSignal, treeOf } from "./supervisor/processes.ts";
import type { Launch } from "./supervisor/protocol.ts";

export const jobMark = "NORNS_JOB";

export interface JobRequest {
  readonly launch: Launch;
  /** Where a file may stand for a moment: 0700. */
  readonly run: string;
  readonly node: NodeId;
  readonly output: OutputSink;
  readonly timeoutMs: number;
  /** More output than this is an endless loop; what is kept of it is the sink's question. */
  readonly maxOutputBytes: number;
  /** No other process has the launch's uid: all that have it are ended with the job. */
  readonly hasOwnUid: boolean;
  readonly signal: AbortSignal;
}

/** Resolves with the exit code (128 + number for a signal); throws when it could not run, took too long or flooded. */
export async function runJob(request: JobRequest): Promise<{ exitCode: number }> {
  const { launch, signal } = request;
  signal.throwIfAborted();
  const mark = `${ownMark()}.${randomBytes(6).toString("hex")}`;
  const marks = { [jobMark]: mark, [supervisorMark]: request.node };
  const inside = launch.envBy === "bubblewrap" ? openBubblewrapArguments(request.run, mark, { ...launch.env, ...marks }) : null;
  const child = spawn("/bin/sh", ["-c", 'umask 027; exec "$@"', "norns-job", ...launch.argv], {
    cwd: launch.cwd,
    env: inside === null ? { ...launch.env, ...marks } : { PATH: "/usr/local/bin:/usr/bin:/bin", ...marks },
    detached: true,
    stdio: descriptorsOf(inside),
    ...(launch.uid === undefined ? {} : { uid: launch.uid, gid: launch.uid }),
  });
  if (inside !== null) closeSync(inside);

  const { promise: stop, reject: stopWith } = Promise.withResolvers<never>();
  stop.catch(() => {}); // Looked at below, in the race.
  const timer = setTimeout(() => {
    stopWith(invalid("command_timed_out", `The command did not end within ${request.timeoutMs / 1000} s and was ended.`));
  }, request.timeoutMs);
  const onAbort = () => stopWith(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let bytes = 0;
  let isOver = false;
  const listen = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
    bytes += chunk.length;
    if (isOver || bytes > request.maxOutputBytes) {
      if (!isOver)
        stopWith(
          invalid("command_printed_too_much", `The command printed more than ${request.maxOutputBytes / 1024 / 1024} MB and was ended.`),
        );
      isOver = true;
      return;
    }
    request.output(stream, chunk);
  };
  child.stdout?.on("data", listen("stdout"));
  child.stderr?.on("data", listen("stderr"));
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(unavailable("command_not_started", "The command could not be started on this machine.", { cause })),
    );
    child.once("exit", (code, name) => resolve(code ?? 128 + (name ? constants.signals[name] : 0)));
  });
  try {
    return { exitCode: await Promise.race([ended, stop]) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    if (child.pid !== undefined) {
      await endTree({ pid: child.pid, mark, ...(request.hasOwnUid && launch.uid !== undefined ? { uid: launch.uid } : {}) });
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }
}

/** Whatever the server itself was started with and would pass on becomes /dev/null for the command [N10]. */
function descriptorsOf(inside: number | null): ("ignore" | "pipe" | number)[] {
  const last = Math.max(2, inside === null ? 0 : 5, ...inheritedDescriptors());
  return Array.from({ length: last + 1 }, (_, fd) => (fd === 1 || fd === 2 ? "pipe" : fd === 5 && inside !== null ? inside : "ignore"));
}

/** Ends what a server that was killed left running: its builds, its one-off commands. Answers how many processes. */
export async function endAbandonedJobs(node: NodeId): Promise<number> {
  const marks = new Map<string, number>();
  for (const { pid } of listStats()) {
    const env = findEnvironment(pid);
    const mark = env?.get(jobMark);
    if (mark && env?.get(supervisorMark) === node && !isOwnerAlive(mark)) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  }
  for (const mark of marks.keys()) await endTree({ pid: 0, mark });
  return [...marks.values()].reduce((sum, count) => sum + count, 0);
}

/** `<pid>-<start time>` of this process. */
export function ownMark(): string {
  return `${process.pid}-${findStat(process.pid)?.startTime ?? "0"}`;
}

export function isOwnerAlive(mark: string): boolean {
  const [pid, startTime] = (mark.split(".")[0] ?? "").split("-");
  const stat = findStat(Number(pid));
  return stat !== null && !stat.isDead && stat.startTime === startTime;
}

async function endTree(of: { pid: number; mark: string; uid?: number }): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const stats = listStats();
    const tree = treeOf(of.pid, stats, { name: jobMark, value: of.mark }).map(({ pid }) => pid);
    const sameUser = of.uid === undefined ? [] : stats.filter(({ pid }) => uidOf(pid) === of.uid).map(({ pid }) => pid);
    const victims = new Set([...tree, ...sameUser]);
    if (victims.size === 0) return;
    if (round >= 5) for (const pid of victims) sendSignal(pid, "SIGSTOP");
    for (const pid of victims) sendSignal(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, round < 20 ? 5 : 50));
  }
}

function uidOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}
