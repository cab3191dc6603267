/** What `npm start -- …` understands. */
import { parseArgs } from "node:util";
import { invalid } from "@norns/kernel/errors";

export type Role = "all" | "api" | "worker";

export interface Arguments {
  readonly role: Role;
  /** Only these queues are worked on; all when absent. */
  readonly queues: readonly string[] | undefined;
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
}

export const help = `Usage: npm start [-- options]

Runs Norns: API, workers, and, unless NORNS_DATABASE_URL is set, a PostgreSQL of its own.

  --role all|api|worker   which part this process is (default all)
  --queues a,b            a worker of these queues only
  --version               print the version
  --help                  print this

Configuration is in the environment; docs/configuration.md lists every variable.
The one most wanted: NORNS_PORT (8800), NORNS_BIND_ADDR (127.0.0.1), NORNS_HOME, NORNS_APPS_DIR, NORNS_DATABASE_URL.
`;

/** Throws `invalid` / `usage` with a sentence for the person. */
export function parseArguments(args: readonly string[]): Arguments {
  const { values } = parse(args);
  const role = values.role ?? "all";
  if (role !== "all" && role !== "api" && role !== "worker") throw invalid("usage", `--role is all, api or worker, not ${role}.`);
  const queues = values.queues
    ?.split(",")
    .map((queue) => queue.trim())
    .filter((queue) => queue !== "");
  if (queues && role === "api") throw invalid("usage", "--queues is for workers, and this is an api.");
  if (queues?.length === 0) throw invalid("usage", "--queues names no queue.");
  return { role, queues, wantsHelp: values.help === true, wantsVersion: values.version === true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        role: { type: "string" },
        queues: { type: "string" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
      },
      strict: true,
    });
  } catch (cause) {
    throw invalid("usage", `${(cause as Error).message.split("\n")[0]} (--help lists the options)`, { cause });
  }
}
