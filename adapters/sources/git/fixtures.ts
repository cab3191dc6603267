/** Real repositories on disk, and a real git server over smart HTTP on loopback (`git http-backend` behind node:http). */
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createOutbound } from "@norns/adapters/outbound";
import { systemClock } from "@norns/kernel/clock";
import type { AppName } from "@norns/kernel/ids";
import { type Log, silentLog } from "@norns/kernel/log";
import { createSources, type SourcesOptions } from "./index.ts";

const run = promisify(execFile);
export const anApp = "hello" as AppName;

export async function aFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "norns-sources-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Sources in a home of their own that may reach loopback. */
export function someSources(home: string, more: Partial<SourcesOptions> & { allowedNetworks?: string[] } = {}) {
  const outbound = createOutbound({ allowedNetworks: more.allowedNetworks ?? ["127.0.0.0/8", "::1"] });
  return createSources({ home, outbound, log: silentLog, clock: systemClock, ...more });
}

/** A log that keeps what it was told, to look for secrets in. */
export function aListeningLog(): Log & { said: string[] } {
  const said: string[] = [];
  const listen = (fields: unknown, message: string): void => void said.push(`${JSON.stringify(fields)} ${message}`);
  const log = { debug: listen, info: listen, warn: listen, error: listen, child: () => log, said };
  return log;
}

export interface Repository {
  readonly path: string;
  git(...args: string[]): Promise<string>;
  /** Writes files, commits all, answers the commit. */
  commit(files: Record<string, string | Uint8Array>, subject?: string): Promise<string>;
}

export async function aRepository(
  path: string,
  files: Record<string, string | Uint8Array> = { "index.js": "console.log('hello')\n" },
): Promise<Repository> {
  await mkdir(path, { recursive: true });
  const env = {
    PATH: process.env["PATH"],
    HOME: path,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@example.com",
  };
  const git = async (...args: string[]): Promise<string> => (await run("git", args, { cwd: path, env, maxBuffer: 1 << 26 })).stdout.trim();
  const commit = async (more: Record<string, string | Uint8Array>, subject = "Change"): Promise<string> => {
    for (const [name, content] of Object.entries(more)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
    await git("add", "-A", "--force");
    await git("commit", "--quiet", "--allow-empty", "-m", subject);
    return git("rev-parse", "HEAD");
  };
  await git("init", "--quiet", "-b", "main");
  await git("config", "uploadpack.allowAnySHA1InWant", "true");
  await commit(files, "First");
  return { path, git, commit };
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** Serves every repository below `root`. `first` may answer a request itself (and says so with true). */
export async function aGitServer(
  root: string,
  first: Answer = () => false,
): Promise<{ url: string; requests: IncomingMessage[] } & AsyncDisposable> {
  const requests: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    void Promise.resolve(first(request, response)).then((isAnswered) => isAnswered || serve(request, response));
  });
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url!, "http://x");
    const backend = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        REQUEST_METHOD: request.method!,
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        REMOTE_ADDR: "127.0.0.1",
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "safe.directory",
        GIT_CONFIG_VALUE_0: "*",
      },
    });
    backend.stdin.on("error", () => {});
    request.pipe(backend.stdin);
    let head: Buffer | undefined = Buffer.alloc(0);
    backend.stdout.on("data", (chunk: Buffer) => {
      if (head === undefined) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      for (const line of head.subarray(0, end).toString().split("\r\n")) {
        const [name, value] = line.split(/: (.*)/s);
        if (name === "Status") response.statusCode = Number.parseInt(value!, 10);
        else response.setHeader(name!, value!);
      }
      response.write(head.subarray(end + 4));
      head = undefined;
    });
    backend.on("close", () => response.end());
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
