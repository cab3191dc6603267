/**
 * A name for this worker among those of its NORNS_HOME, the same after a restart: the ledger lets a worker take over what
 * an earlier life of the same name left running, at once and without waiting for the lease. The slot is an abstract Unix
 * socket, which the system frees the moment its process is gone, however it went.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";

const mostSlots = 64;

export interface WorkerSlot extends AsyncDisposable {
  /** `worker-1`: the first free one. */
  readonly name: string;
}

export async function takeWorkerSlot(home: string): Promise<WorkerSlot> {
  const mark = createHash("sha256").update(home).digest("hex").slice(0, 16);
  for (let number = 1; process.platform === "linux" && number <= mostSlots; number++) {
    const server = await tryListen(`\0norns-worker-${process.getuid?.() ?? 0}-${mark}-${number}`);
    if (server) return { name: `worker-${number}`, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
  }
  // Elsewhere a restarted worker waits for its lease, as a worker of another machine would.
  return { name: `worker-${process.pid}-${Date.now()}`, [Symbol.asyncDispose]: async () => {} };
}

function tryListen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(path, () => resolve(server));
  });
}
