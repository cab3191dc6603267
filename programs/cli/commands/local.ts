/** Commands that act on this machine's installation rather than through the API. */
import type { Command } from "../command.ts";
import { exitCodes, CommandError } from "../exit.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");
const { fileURLToPath } = process.getBuiltinModule("node:url");

export const server: Command = {
  group: "This installation",
  words: ["server"],
  about: "run the server in the foreground, as `npm start` does",
  options: [
    { name: "role", value: "ROLE", about: "all, api or worker (all)", choices: ["all", "api", "worker"] },
    { name: "queues", value: "NAMES", about: "only these queues, joined by commas" },
  ],
  examples: [
    { line: "norns server", about: "everything in one process" },
    {
      line: "DATABASE_URL=postgres://… norns server --role worker --queues app-deployments",
      about: "one more worker on a shared database",
    },
  ],
  run(given, session) {
    const options = ["role", "queues"].flatMap((name) => (given.option(name) === undefined ? [] : [`--${name}`, given.option(name)!]));
    return runScript(["scripts/start.mjs", ...options], session);
  },
};

export const down: Command = {
  group: "This installation",
  words: ["down"],
  about: "stop everything of this machine's installation: server, apps, database",
  description:
    "Stops the server, every app instance and the database of NORNS_HOME. Nothing is removed: `npm start` brings all of it back.",
  async run(_given, session) {
    return runScript(["scripts/run.mjs", "programs/server/down.ts", ...(session.isJson ? ["--json"] : [])], session);
  },
};

function runScript(
  args: readonly string[],
  session: Parameters<Command["run"]>[1],
): Promise<typeof exitCodes.done | typeof exitCodes.failed> {
  // Here, not above: loading it costs every other command 5 ms.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const root = checkout();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, args[0]!), ...args.slice(1)], { cwd: root, stdio: "inherit", env: process.env });
    session.signal.addEventListener("abort", () => child.kill("SIGTERM"));
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? exitCodes.done : exitCodes.failed));
  });
}

/** The checkout this command was built in. */
function checkout(): string {
  let directory = path.dirname(fs.realpathSync(fileURLToPath(import.meta.url)));
  while (!fs.existsSync(path.join(directory, "scripts", "start.mjs"))) {
    const above = path.dirname(directory);
    if (above === directory)
      throw new CommandError(exitCodes.failed, "no_checkout", "This command was installed without the server.", {
        hint: "Run it in the Norns checkout.",
      });
    directory = above;
  }
  return directory;
}
