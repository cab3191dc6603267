/** A person's git repository, with nothing of the machine's own git configuration in it. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram } from "./command.ts";

export interface Repository {
  readonly path: string;
  /** Writes the files (null removes one), commits everything, answers the commit. */
  commit(files: Readonly<Record<string, string | null>>, subject?: string): Promise<string>;
  git(...args: string[]): Promise<string>;
}

export async function aRepository(path: string, files: Readonly<Record<string, string>> = {}): Promise<Repository> {
  await mkdir(path, { recursive: true });
  const env = {
    HOME: path,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "Ada",
    GIT_AUTHOR_EMAIL: "ada@example.com",
    GIT_COMMITTER_NAME: "Ada",
    GIT_COMMITTER_EMAIL: "ada@example.com",
  };
  const repository: Repository = {
    path,
    async git(...args) {
      const ran = await runProgram("git", args, { cwd: path, env });
      if (ran.code !== 0) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
      return ran.stdout.trim();
    },
    async commit(changes, subject = "Change") {
      for (const [name, text] of Object.entries(changes)) {
        const file = join(path, name);
        if (text === null) await rm(file);
        else {
          await mkdir(dirname(file), { recursive: true });
          await writeFile(file, text);
        }
      }
      await repository.git("add", "-A");
      await repository.git("commit", "-q", "--allow-empty", "-m", subject);
      return await repository.git("rev-parse", "HEAD");
    },
  };
  await repository.git("init", "-q", "-b", "main");
  if (Object.keys(files).length > 0) await repository.commit(files, "Begin");
  return repository;
}

/** A server of one file: answers with `body`, its release and commit; `/health` with 200; ends in order on SIGTERM. */
export const webServer = (body: string, more = ""): string => `
const http = require("node:http");
const { NORNS_RELEASE_NUMBER: release, NORNS_COMMIT: commit } = process.env;
const server = http.createServer((req, res) => {
  ${more}
  if (req.url === "/health") return res.end("ok");
  res.end(${JSON.stringify(body)} + " " + release + " " + commit);
});
server.listen(process.env.PORT, process.env.HOST, () => console.log("listening"));
process.on("SIGTERM", () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

/** Its infraspec. `more` goes to the top level, `web` below the process. */
export const webSpec = (name: string, options: { more?: string; web?: string; deadline?: string } = {}): string => `name: ${name}
${options.more ?? ""}
processes:
  web:
    command: exec node server.cjs
    port: 3000
    health: { path: /health, interval: 1s, timeout: 1s, deadline: ${options.deadline ?? "8s"} }
    drain: { timeout: 5s }
${options.web ?? ""}`;
