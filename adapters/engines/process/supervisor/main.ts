/**
 * The supervisor's process: `node main.ts <home> <node id> <compile cache>`. Alone by lock; serves `run/supervisor.sock`; ends by itself
 * when there has been nothing to supervise for a while. Imports nothing but Node's builtins and this folder's files:
 * it is there as long as any app runs, so its memory counts.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { flushCompileCache, getCompileCacheDir } from "node:module";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { NodeId } from "@norns/kernel/ids";
import { closeInheritedDescriptors } from "./descriptors.ts";
import { takeLock } from "./lock.ts";
import { lineSplitter, supervisorVersion, type Failure, type Message, type Request } from "./protocol.ts";
import { Supervisor, SupervisorError } from "./supervisor.ts";

const idleMs = 15_000;
const tidyMs = 3_000;

/** Given by supervisor-client.ts; the last by ourselves. */
const [home, node, compileCache, isSecondStart] = process.argv.slice(2) as [string, NodeId, string, string?];
const run = join(home, "run");
const socketPath = join(run, "supervisor.sock");
const subscribers = new Set<Socket>();
let isRetiring = false;

startLean();
closeInheritedDescriptors();
mkdirSync(run, { recursive: true, mode: 0o700 });
if (!takeLock(run)) process.exit(0);
for (const signal of ["SIGHUP", "SIGINT"] as const) process.on(signal, () => {});
process.on("SIGTERM", () => retire());

let tellTimer: NodeJS.Timeout | null = null;
let idleTimer: NodeJS.Timeout | null = null;
let tidyTimer: NodeJS.Timeout | null = null;
const supervisor = new Supervisor({
  home,
  node,
  onChange: () => {
    tellTimer ??= setTimeout(() => {
      tellTimer = null;
      for (const socket of subscribers) send(socket, { event: "changed" });
    }, 5);
    checkIdle();
    tidyLater();
  },
});
const { damaged } = await supervisor.adopt();
for (const name of damaged) console.error(`${new Date().toISOString()} run/instances/${name} cannot be read and was left as it is`);

function checkIdle(): void {
  if (idleTimer) clearTimeout(idleTimer);
  idleTimer = supervisor.isEmpty ? setTimeout(() => supervisor.isEmpty && retire(), idleMs) : null;
}

/** A process that mostly waits gives back what a burst of work took: nothing else would ever collect it. */
function tidyLater(): void {
  if (tidyTimer) clearTimeout(tidyTimer);
  tidyTimer = setTimeout(() => void globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" }), tidyMs);
  tidyTimer.unref();
}

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("close", () => subscribers.delete(socket));
  const split = lineSplitter((line) => void answer(socket, line));
  socket.on("data", (chunk) => {
    try {
      split(chunk);
    } catch {
      socket.destroy();
    }
  });
});
rmSync(socketPath, { force: true });
// Between bind and chmod nobody else can reach it: the directory is ours alone.
server.listen(socketPath, () => chmodSync(socketPath, 0o600));
checkIdle();

async function answer(socket: Socket, line: string): Promise<void> {
  let request: Request;
  try {
    request = JSON.parse(line) as Request; // Our own client's, over a socket that only we can open.
  } catch {
    socket.destroy();
    return;
  }
  try {
    send(socket, { id: request.id, result: await perform(socket, request) });
  } catch (error) {
    send(socket, { id: request.id, error: toFailure(error) });
  }
  if (isRetiring) end();
}

async function perform(socket: Socket, { method, params }: Request): Promise<unknown> {
  switch (method) {
    case "hello":
      return { version: supervisorVersion, pid: process.pid, node };
    case "subscribe":
      subscribers.add(socket);
      return null;
    case "retire":
      isRetiring = true;
      return null;
    case "apply":
    case "list":
    case "stop":
    case "restart":
    case "stats":
    case "explain":
      // The params of each method are as protocol.ts says; both ends are of one version.
      return (supervisor[method] as (params: unknown) => Promise<unknown>)(params);
  }
}

function send(socket: Socket, message: Message): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

function toFailure(error: unknown): Failure {
  if (error instanceof SupervisorError) return error.failure;
  console.error(new Date().toISOString(), error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC") return { kind: "unavailable", code: "disk_full", message: "The disk under NORNS_HOME is full. Free some space." };
  return {
    kind: "bug",
    code: "supervisor_failed",
    message: `The supervisor failed: ${message}. Its log is run/supervisor.log under NORNS_HOME.`,
  };
}

function retire(): void {
  isRetiring = true;
  end();
}

/** Everything read so far is in the journals; what comes now waits in the pipes. */
function end(): void {
  server.close();
  rmSync(socketPath, { force: true });
  supervisor.release();
  writeFileSync(join(run, "clean"), "");
  // Answers that are on their way are given out by the kernel once written; a moment for those that are not.
  setTimeout(() => process.exit(0), 20);
}

/**
 * The first start after a change of the code has to strip the types, and what strips them stays in memory for good:
 * 93 MB instead of 50 [measured]. So the stripped code is put into the cache and this process starts over in place,
 * before it has taken or opened anything.
 */
function startLean(): void {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }; // Undocumented; absent means go on.
  const hasStripped = moduleLoadList?.some((name) => name.includes("amaro")) ?? false;
  if (!hasStripped || isSecondStart || !process.execve || !getCompileCacheDir()) return;
  flushCompileCache();
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1), "second-start"];
  process.execve(process.execPath, again, { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_COMPILE_CACHE: compileCache });
}
