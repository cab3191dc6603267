/**
 * Runs the system's git: argv arrays, an environment made from nothing, a process group of its own that dies whole when
 * the signal says so, bounded output, and secrets that travel in the environment only and are taken out of whatever git
 * prints. Nothing of a user's or a repository's configuration takes part.
 */
import { spawn } from "node:child_process";
import { PassThrough, type Readable } from "node:stream";
import { NornsError, unavailable } from "@norns/kernel/errors";

export interface GitOptions {
  /** `HOME` of git: a directory of ours with nothing in it but our own `gitconfig`. */
  readonly home: string;
  /** The `PATH` that git and ssh are looked for on. */
  readonly path: string;
}

export interface GitCall {
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Texts that never leave this function: tokens in each form they are sent in. */
  readonly secrets?: readonly string[];
  /** Ends the command when it has printed nothing for so long; for commands that report progress. */
  readonly silenceMs?: number;
  /** Asked each second while it runs; an error ends the command with it. */
  readonly check?: () => Promise<NornsError | undefined>;
  readonly maxBytes?: number;
  /** Takes stdout as it comes, in place of collecting it. */
  readonly read?: (stdout: Readable) => Promise<void>;
  readonly input?: string;
}

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** The last 16 KB, secrets masked. */
  readonly stderr: string;
}

/** Said before every command. `protocol.<name>.allow` is added by the caller for the one protocol that it means. */
const fixed = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.askPass", ""],
  ["core.symlinks", "true"],
  ["credential.helper", ""],
  ["protocol.allow", "never"],
  ["http.followRedirects", "false"],
  ["http.proxy", ""],
  ["http.lowSpeedLimit", "100"],
  ["http.lowSpeedTime", "60"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["core.quotePath", "false"],
  ["advice.detachedHead", "false"],
] as const;

export class GitFailure extends Error {
  override readonly name = "GitFailure";
  readonly result: GitResult;
  constructor(args: readonly string[], result: GitResult) {
    super(
      `git ${args.find((arg) => /^[a-z]/.test(arg) && !arg.includes("=")) ?? ""} ended with ${result.exitCode}: ${result.stderr.trim()}`,
    );
    this.result = result;
  }
}

/** Throws GitFailure on any exit code but 0. */
export async function runGit(options: GitOptions, call: GitCall): Promise<GitResult> {
  const result = await tryGit(options, call);
  if (result.exitCode !== 0) throw new GitFailure(call.args, result);
  return result;
}

export async function tryGit(options: GitOptions, call: GitCall): Promise<GitResult> {
  call.signal.throwIfAborted();
  const child = spawn("git", [...fixed.flatMap(([key, value]) => ["-c", `${key}=${value}`]), ...call.args], {
    cwd: options.home,
    env: {
      PATH: options.path,
      HOME: options.home,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: `${options.home}/gitconfig`,
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "/bin/false",
      SSH_ASKPASS: "/bin/false",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_CEILING_DIRECTORIES: "/",
      ...call.env,
    },
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: the helpers that git starts (git-remote-https, ssh, index-pack) end with it.
    detached: true,
  });
  let stop: NornsError | Error | undefined;
  const kill = (reason: NornsError | Error): void => {
    stop ??= reason;
    end();
  };
  const end = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (thrown) {
      // Between our look and the kill the group may have ended by itself; anything else is real.
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
    }
  };
  const onAbort = (): void => kill(call.signal.reason instanceof Error ? call.signal.reason : new Error("aborted"));
  call.signal.addEventListener("abort", onAbort, { once: true });
  const deadline = setTimeout(() => kill(tookTooLong(call.timeoutMs)), call.timeoutMs);
  let heardAt = performance.now();
  const pulse = setInterval(
    () => {
      if (call.silenceMs !== undefined && performance.now() - heardAt > call.silenceMs) kill(saidNothing(call.silenceMs));
      call.check?.().then((error) => error !== undefined && kill(error), kill);
    },
    Math.min(1000, call.silenceMs ?? 1000),
  );

  const stdout: Buffer[] = [];
  let bytes = 0;
  let stderr = Buffer.alloc(0);
  child.stderr.on("data", (chunk: Buffer) => {
    heardAt = performance.now();
    stderr = Buffer.concat([stderr, chunk]).subarray(-16 * 1024);
  });
  let readError: Error | undefined;
  // Through a stream of its own: Node throws away what a child printed before its end if nobody listens yet at its exit.
  const reading = call.read?.(child.stdout.pipe(new PassThrough())).catch((thrown: unknown) => {
    readError = thrown instanceof Error ? thrown : new Error("reading git's output failed", { cause: thrown });
    end();
  });
  if (call.read === undefined) {
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > (call.maxBytes ?? 64 * 1024 * 1024))
        return kill(unavailable("repository_unreachable", "The repository has more refs than Norns reads."));
      stdout.push(chunk);
    });
  }
  // A git that ended early does not read its input to the end; its exit code says what matters.
  child.stdin.on("error", () => {});
  child.stdin.end(call.input ?? "");
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", (cause) =>
        reject(unavailable("git_missing", "git could not be started on this machine. Install git 2.37 or newer.", { cause })),
      );
      child.once("close", resolve);
    });
    await reading;
    if (stop !== undefined) throw stop;
    // A reader that met an early end is no news when git itself says why it stopped.
    if (readError !== undefined && (exitCode === 0 || exitCode === null)) throw readError;
    return {
      exitCode: exitCode ?? -1,
      stdout: Buffer.concat(stdout).toString("utf8"),
      stderr: masked(stderr.toString("utf8"), call.secrets ?? []),
    };
  } finally {
    clearTimeout(deadline);
    clearInterval(pulse);
    call.signal.removeEventListener("abort", onAbort);
  }
}

const tookTooLong = (ms: number): NornsError =>
  unavailable(
    "repository_unreachable",
    `The repository took longer than ${Math.round(ms / 1000)} s. Is it very large, or its server slow? Try again later.`,
  );
const saidNothing = (ms: number): NornsError =>
  unavailable(
    "repository_unreachable",
    `The repository's server did not answer for ${Math.round(ms / 1000)} s. Check the address, or try again later.`,
  );

export function masked(text: string, secrets: readonly string[]): string {
  let result = text;
  for (const secret of secrets) if (secret !== "") result = result.replaceAll(secret, "***");
  return result;
}
