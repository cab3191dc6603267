/** The server as a person starts it: a child process on free ports with a NORNS_HOME of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface StartedServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly home: string;
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  /** The machine's own credential, as the command line uses it. */
  token(): Promise<string>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** SIGTERM, then the exit. The home stays. */
  stop(): Promise<number | string>;
}

export interface StartOptions {
  readonly home?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** False for a worker: ready is then its line, not an address. */
  readonly servesHttp?: boolean;
}

const readyMs = 30_000;

/** A NORNS_HOME for several servers: removed at the end, with whatever still runs in it. */
export async function aHome(): Promise<{ readonly home: string } & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), "norns-server-"));
  // Apps run as users of their own and must get as far as their own directories.
  await chmod(home, 0o711);
  return {
    home,
    async [Symbol.asyncDispose]() {
      await endChildren(home);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Starts it with scripts/start.mjs and waits until it is healthy. Disposing ends it and removes the home. */
export async function aStartedServer(options: StartOptions = {}): Promise<StartedServer> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "norns-server-")));
  const port = Number(options.env?.["NORNS_PORT"] ?? (await freePort()));
  // PATH and nothing else of ours: what the test's own environment holds is not the person's.
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    NORNS_HOME: home,
    NORNS_PORT: String(port),
    NORNS_APPS_DIR: join(home, "no-apps"),
    ...options.env,
  };
  const child = spawn(process.execPath, [join(root, "scripts", "start.mjs"), ...(options.args ?? [])], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const exited = new Promise<number | string>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "gone")));

  const url = `http://127.0.0.1:${port}`;
  const token = async () => (JSON.parse(await readFile(join(home, "credential"), "utf8")) as { token: string }).token;
  const server: StartedServer = {
    url,
    port,
    home,
    child,
    output: () => text,
    token,
    exited,
    async fetch(path, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has("authorization")) headers.set("authorization", `Bearer ${await token()}`);
      return await fetch(`${url}${path}`, { ...init, headers });
    },
    async stop() {
      child.kill("SIGTERM");
      return await exited;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
        await exited;
        clearTimeout(timer);
      }
      // A home that was lent is its owner's to end and to remove.
      if (options.home !== undefined) return;
      await endChildren(home);
      await rm(home, { recursive: true, force: true });
    },
  };
  try {
    await untilReady(server, options.servesHttp ?? true);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

async function untilReady(server: StartedServer, servesHttp: boolean): Promise<void> {
  const until = Date.now() + readyMs;
  let hasEnded = false;
  void server.exited.then(() => (hasEnded = true));
  while (!server.output().includes("is ready") || (servesHttp && !(await isHealthy(server.url)))) {
    if (hasEnded || Date.now() > until) throw new Error(`The server did not become ready:\n${server.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/api/health`)).ok;
  } catch {
    return false;
  }
};

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** Processes whose command line names the home: PostgreSQL, the supervisor, instances. */
export async function processesOf(home: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (command.includes(home)) found.push({ pid: Number(name), command: command.replaceAll("\0", " ").trim() });
  }
  return found;
}

/** What is meant to outlive a server (the supervisor of apps) must not outlive a test. */
async function endChildren(home: string): Promise<void> {
  for (const { pid } of await processesOf(home)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone meanwhile.
    }
  }
}
