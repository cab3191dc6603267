/** The command `norns` as a person has it: the bundle, in a process of its own. */
import { spawn } from "node:child_process";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const bundle = join(root, "programs/cli/dist/norns.mjs");

export interface Ran {
  /** -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
  json<Value>(): Value;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Each piece of standard output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a program to its end; nothing of this process's environment but PATH reaches it. */
export function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(file, args, {
      cwd: options.cwd ?? root,
      env: { PATH: process.env["PATH"] ?? "", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: "SIGKILL",
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      options.onOutput?.(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code: code ?? -1, stdout, stderr, tookMs: performance.now() - started, json: <Value>() => JSON.parse(stdout) as Value }),
    );
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** `norns …`. */
export async function runCommand(args: readonly string[], options: RunOptions): Promise<Ran> {
  await ensureBundle();
  return runProgram(process.execPath, [bundle, ...args], options);
}

let built: Promise<void> | undefined;

/** Builds the bundle when a source is newer than it; one of several test files does, the others wait. */
export const ensureBundle = (): Promise<void> => (built ??= build());

async function build(): Promise<void> {
  const lock = join(root, "node_modules", ".cache", "norns-journeys-build");
  await mkdir(join(lock, ".."), { recursive: true });
  for (let round = 0; await isStale(); round++) {
    const isMine = await mkdir(lock).then(
      () => true,
      (error: NodeJS.ErrnoException) => (error.code === "EEXIST" ? false : Promise.reject(error)),
    );
    if (!isMine) {
      // Somebody who was killed while building holds it for ever otherwise.
      if (round > 100) await rm(lock, { recursive: true, force: true });
      await sleep(200);
      continue;
    }
    try {
      const ran = await runProgram(process.execPath, [join(root, "scripts/build-cli.mjs")], { env: {} });
      if (ran.code !== 0) throw new Error(`The command could not be built:\n${ran.stderr}`);
      return;
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
}

async function isStale(): Promise<boolean> {
  const builtAt = await stat(bundle).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  const sources = ["programs/cli", "client", "capabilities/apps/catalog/infraspec"];
  for (const folder of sources)
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts") || entry.parentPath.includes("node_modules"))
        continue;
      // Gone while it was listed: then it is no part of the bundle either.
      const changed = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
      if (changed && changed.mtimeMs > builtAt) return true;
    }
  return false;
}
