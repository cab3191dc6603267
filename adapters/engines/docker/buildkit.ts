/**
 * Dockerfiles that say things only BuildKit understands (`RUN --mount`, here-documents, `# syntax=`). Its protocol is a
 * gRPC session inside HTTP; Docker's own client speaks it, so that client is run: argv array, build arguments by name on
 * argv and by value in its environment, the context through stdin. Every other build goes over the socket directly.
 */
import { spawn } from "node:child_process";
import { access, constants, mkdir, readFile, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { invalid } from "@norns/kernel/errors";
import type { OutputSink } from "../port.ts";
import { packContext } from "./build-context.ts";

/** The first word in the Dockerfile that the daemon's own builder would stumble over. */
export function buildKitFeature(dockerfile: string): string | undefined {
  const text = dockerfile.replace(/\\\r?\n/g, " ");
  const flag =
    /^\s*(RUN\s+--(?:mount|network|security)|(?:COPY|ADD)\s+(?:--\S+\s+)*--(?:link|chmod|parents|exclude|checksum|keep-git-dir))\b/im.exec(
      text,
    );
  if (flag) return flag[1]!.replaceAll(/\s+/g, " ");
  if (/^\s*(?:RUN|COPY|ADD)\s.*<<-?\s*["']?[A-Za-z_]/im.test(text)) return "<< here-documents";
  const syntax = /^(?:\s*#[^\n]*\n)*?\s*#\s*syntax\s*=\s*(\S+)/i.exec(text);
  return syntax ? `${softFeature}${syntax[1]}` : undefined;
}

/** A wish rather than a need: the daemon's own builder reads the line as a comment. */
export const softFeature = "# syntax=";

export interface BuildKitRequest {
  readonly home: string;
  readonly socketPath: string;
  readonly source: string;
  readonly dockerfile: string;
  readonly tag: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly feature: string;
  readonly output: OutputSink;
  readonly signal: AbortSignal;
}

const searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export async function buildWithBuildKit(request: BuildKitRequest): Promise<string> {
  const work = join(request.home, "docker", `build-${randomBytes(8).toString("hex")}`);
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    for (const folder of searchPath) {
      const program = join(folder, "docker");
      if (
        !(await access(program, constants.X_OK).then(
          () => true,
          () => false,
        ))
      )
        continue;
      const ended = await runClient(program, work, request);
      if (ended.exitCode === 0) return (await readFile(join(work, "image"), "utf8")).trim();
      // A client without its BuildKit part: another one may have it.
      if (/buildx component is missing|BuildKit is enabled but|buildx: command not found|is not a docker command/i.test(ended.said))
        continue;
      request.output("stderr", Buffer.from(ended.said));
      throw invalid("command_failed", `The build failed: ${ended.said.trim().slice(-500)}`, { details: { exitCode: ended.exitCode } });
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  throw invalid(
    "buildkit_missing",
    `${request.dockerfile} uses ${request.feature}, which needs BuildKit, and no Docker client with it is installed here. Install docker-buildx (Debian) or docker-buildx-plugin, or do without it.`,
  );
}

/** Output is passed on as it comes, except the last piece of a failure, which the caller judges first. */
async function runClient(program: string, work: string, request: BuildKitRequest): Promise<{ exitCode: number | null; said: string }> {
  const args = [
    "--host",
    `unix://${request.socketPath}`,
    "build",
    "--progress",
    "plain",
    "--iidfile",
    join(work, "image"),
    "--tag",
    request.tag,
    "--file",
    request.dockerfile,
  ];
  for (const [name, value] of Object.entries(request.labels)) args.push("--label", `${name}=${value}`);
  // A name alone takes its value from the client's environment: values stay off argv.
  const names = Object.keys(request.buildArgs).filter((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !reserved.has(name));
  for (const name of names) args.push("--build-arg", name);
  const env = Object.fromEntries(names.map((name) => [name, request.buildArgs[name]!]));
  const child = spawn(program, [...args, "-"], {
    cwd: work,
    env: { ...env, PATH: searchPath.join(":"), HOME: work, DOCKER_CONFIG: work, DOCKER_BUILDKIT: "1", LC_ALL: "C" },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const onAbort = (): void => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
    }
  };
  request.signal.addEventListener("abort", onAbort, { once: true });
  if (request.signal.aborted) onAbort();
  let said = Buffer.alloc(0);
  // BuildKit writes its progress to stderr; what is older than the last 4 KB is passed on.
  const hear = (chunk: Buffer): void => {
    said = Buffer.concat([said, chunk]);
    const cut = said.lastIndexOf(0x0a, said.length - 4096) + 1;
    if (cut > 0) request.output("stdout", said.subarray(0, cut));
    said = said.subarray(cut);
  };
  child.stderr.on("data", hear);
  child.stdout.on("data", hear);
  // A client that ended early does not read the context to its end; its exit says why.
  child.stdin.on("error", () => {});
  packContext(request.source, request.dockerfile, request.signal).on("error", onAbort).pipe(child.stdin);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
    request.signal.throwIfAborted();
    if (exitCode === 0 && said.length > 0) request.output("stdout", said);
    return { exitCode, said: said.toString("utf8") };
  } finally {
    request.signal.removeEventListener("abort", onAbort);
  }
}

/** Would change the client itself rather than the build. */
const reserved = new Set([
  "PATH",
  "HOME",
  "DOCKER_CONFIG",
  "DOCKER_BUILDKIT",
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LC_ALL",
  "BUILDX_BUILDER",
  "BUILDX_CONFIG",
]);
