/** Talks to the supervisor: finds it, starts it on demand, takes over from an older one, asks again when it went away. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NornsError, unavailable } from "@norns/kernel/errors";
import type { NodeId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import { pathsUnder } from "./paths.ts";
import { findStat } from "./supervisor/processes.ts";
import { lineSplitter, supervisorVersion, type Message, type Method, type Params, type Result } from "./supervisor/protocol.ts";

const defaultStartLimitMs = 15_000;
const main = fileURLToPath(new URL("./supervisor/main.ts", import.meta.url));

export interface SupervisorClientOptions {
  readonly home: string;
  readonly node: NodeId;
  readonly nodeBinary: string;
  readonly log: Log;
  /** How long a supervisor may take to answer from its start; default 15 s. */
  readonly startLimitMs?: number;
}

interface Connection {
  readonly socket: Socket;
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
}

/** The connection broke: whether the request was heard is not known, and it may be sent again. */
class ConnectionLost extends Error {}

export class SupervisorClient {
  readonly #options: SupervisorClientOptions;
  readonly #paths: ReturnType<typeof pathsUnder>;
  readonly #listeners = new Set<() => void>();
  #connection: Promise<Connection> | null = null;
  #isClosed = false;

  constructor(options: SupervisorClientOptions) {
    this.#options = options;
    this.#paths = pathsUnder(options.home);
  }

  /** True when there is something to supervise: only then is a supervisor started without being asked for a change. */
  hasRecords(): boolean {
    try {
      return readdirSync(this.#paths.records).some((name) => name.endsWith(".json"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  /** Called at every change that the supervisor tells, and whenever the connection breaks. */
  listen(onChange: () => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }

  /** Connected and subscribed, or, when nothing is to be supervised, not. */
  async keepConnected(): Promise<void> {
    if (this.hasRecords()) await this.#connected(true);
  }

  /**
   * Starts a supervisor that will be needed soon, while something else takes its time: a first start takes 0.3 s. What
   * goes wrong here goes wrong again, and is told, when it is needed.
   */
  startAhead(): void {
    this.#connected(true).catch(() => {});
  }

  /** Asks, starting a supervisor if need be. A request whose answer was lost is sent again: it means once. */
  async call<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>> {
    for (let round = 0; ; round++) {
      signal?.throwIfAborted();
      try {
        const connection = await this.#connected(true);
        const answer = connection.call(method, params);
        return await (signal ? orAborted(answer, signal) : answer);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (round >= 10)
          throw unavailable(
            "supervisor_unavailable",
            "The supervisor of the process engine ends as soon as it is asked. Its log is run/supervisor.log under NORNS_HOME.",
            { cause: error },
          );
      }
    }
  }

  /** The supervisor ends, its instances run on; nothing happens when there is none. */
  async retire(): Promise<void> {
    const connection = await this.#connected(false).catch(() => null);
    if (!connection) return;
    try {
      const { pid } = await connection.call("hello", { version: supervisorVersion });
      await connection.call("retire", {});
      while (findStat(pid)?.isDead === false) await new Promise((resolve) => setTimeout(resolve, 5));
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connection = this.#connection;
    this.#connection = null;
    (await connection?.catch(() => null))?.socket.destroy();
  }

  #connected(mayStart: boolean): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(unavailable("engine_closed", "The process engine is closed: the server is ending."));
    this.#connection ??= this.#open(mayStart).catch((error: unknown) => {
      this.#connection = null;
      throw error;
    });
    return this.#connection;
  }

  async #open(mayStart: boolean): Promise<Connection> {
    const end = performance.now() + (this.#options.startLimitMs ?? defaultStartLimitMs);
    let started: ChildProcess | undefined;
    for (let pauseMs = 4; ; pauseMs = Math.min(pauseMs * 1.3, 100)) {
      const socket = await dial(this.#paths.socket);
      if (socket) {
        const connection = this.#over(socket);
        const other = await connection.call("hello", { version: supervisorVersion }).catch((error: unknown) => {
          if (error instanceof ConnectionLost) return null;
          throw error;
        });
        if (other?.version === supervisorVersion) {
          await connection.call("subscribe", {});
          return connection;
        }
        if (other && other.version > supervisorVersion) {
          socket.destroy();
          throw unavailable(
            "supervisor_newer",
            "A newer Norns supervises the apps of this NORNS_HOME. Start that version, or end it first.",
          );
        }
        // An older one: its instances run on and we take them over.
        if (other) await connection.call("retire", {}).catch(() => null);
        socket.destroy();
      } else if (!mayStart) {
        throw new ConnectionLost("there is no supervisor");
      }
      if (performance.now() > end) {
        throw unavailable(
          "supervisor_unavailable",
          "The supervisor of the process engine does not start. Its log is run/supervisor.log under NORNS_HOME.",
        );
      }
      // One that has ended lost the lock to one that was just ending: start another. One that is only slow is waited for: a
      // second would sit in its place, unasked, as soon as the first retires.
      if (!started || (pauseMs >= 100 && (started.exitCode !== null || started.signalCode !== null))) started = this.#start();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #start(): ChildProcess {
    const { home, node, nodeBinary, log } = this.#options;
    mkdirSync(this.#paths.run, { recursive: true, mode: 0o700 });
    const logPath = join(this.#paths.run, "supervisor.log");
    const isLong = (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > 1024 * 1024;
    const compileCache = join(this.#paths.run, "compile-cache");
    const output = openSync(logPath, isLong ? "w" : "a", 0o600);
    try {
      // Lean: it is there as long as any app is. The cache holds the code without its types, so the stripper never loads.
      const child = spawn(
        nodeBinary,
        [
          "--expose-gc",
          "--max-semi-space-size=1",
          "--max-old-space-size=64",
          "--disable-warning=ExperimentalWarning",
          main,
          home,
          node,
          compileCache,
        ],
        {
          detached: true,
          cwd: "/",
          stdio: ["ignore", output, output],
          env: { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_COMPILE_CACHE: compileCache },
        },
      );
      child.on("error", (error) => log.error({ error }, "the supervisor of the process engine could not be started"));
      child.unref();
      return child;
    } finally {
      closeSync(output);
    }
  }

  #over(socket: Socket): Connection {
    const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
    let lastId = 0;
    socket.on("error", () => {}); // "close" follows and says it to whoever waits.
    socket.on("close", () => {
      for (const { reject } of waiting.values()) reject(new ConnectionLost("the supervisor went away"));
      waiting.clear();
      this.#connection = null;
      this.#tell();
    });
    const split = lineSplitter((line) => {
      const message = JSON.parse(line) as Message; // Our own supervisor's, of our version.
      if ("event" in message) return this.#tell();
      const one = waiting.get(message.id);
      waiting.delete(message.id);
      if ("error" in message) one?.reject(new NornsError(message.error.kind, message.error.code, message.error.message));
      else one?.resolve(message.result);
      if (waiting.size === 0) socket.unref();
    });
    socket.on("data", (chunk) => {
      try {
        split(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.unref();
    return {
      socket,
      call: <M extends Method>(method: M, params: Params<M>) =>
        new Promise<Result<M>>((resolve, reject) => {
          if (socket.destroyed) return reject(new ConnectionLost("the supervisor went away"));
          const id = ++lastId;
          // The supervisor answers each method with what protocol.ts says it does.
          waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
          socket.ref();
          socket.write(`${JSON.stringify({ id, method, params })}\n`);
        }),
    };
  }

  #tell(): void {
    if (!this.#isClosed) for (const listener of this.#listeners) listener();
  }
}

function dial(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
