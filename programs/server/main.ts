/** `npm start`: reads what is given, starts, says so once, and stops in order when it is told to. */
import { loadConfig } from "@norns/kernel/config";
import { toNornsError } from "@norns/kernel/errors";
import { createLog, createMask } from "@norns/kernel/log";
import { help, parseArguments } from "./arguments.ts";
import { startServer } from "./compose.ts";
import { prepareHome } from "./home.ts";
import { tidyAfterStart } from "./memory.ts";
import { sayReady } from "./ready.ts";
import { recordServer } from "./server-record.ts";
import { onStop } from "./signals.ts";
import { version } from "./version.ts";

/** How long requests and steps in flight may take once a stop is asked for. */
const graceMs = 10_000;

async function main(): Promise<void> {
  const args = parseArguments(process.argv.slice(2));
  if (args.wantsHelp) return void process.stdout.write(help);
  if (args.wantsVersion) return void process.stdout.write(`${version}\n`);

  const config = loadConfig(process.env);
  const home = await prepareHome(config.home);
  recordServer(home);
  const mask = createMask(Object.values(config.secrets).flatMap((secret) => (secret ? [secret.reveal()] : [])));
  const isTerminal = process.stdout.isTTY === true;
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat ?? (isTerminal ? "text" : "json"),
    mask,
    write: (line) => process.stdout.write(line),
    isColourful: isTerminal && !process.env["NO_COLOR"],
  });
  // A terminal that was closed must not take the server with it.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  for (const warning of config.warnings) log.warn({}, warning);

  const starting = new AbortController();
  const stopping = onStop(() => starting.abort(new Error("A stop was asked for while the server was starting.")));
  const server = await startServer({
    config,
    home,
    log,
    mask,
    role: args.role,
    queues: args.queues,
    env: process.env,
    signal: starting.signal,
  });
  await sayReady(server, { version, isTerminal });
  tidyAfterStart();

  const failure = await Promise.race([stopping.then(() => undefined), server.failed]);
  log.info({}, "Stopping");
  await server.stop(AbortSignal.timeout(graceMs));
  log.info({}, "Stopped");
  // Said by itself: a handle that somebody forgot must not keep a stopped server alive.
  process.exit(failure === undefined ? 0 : 1);
}

main().catch((thrown: unknown) => {
  const error = toNornsError(thrown);
  process.stderr.write(`norns: ${error.kind === "bug" ? stackOf(thrown) : error.message}\n`);
  process.exit(error.code === "usage" ? 2 : 1);
});

/** A fault of ours is shown with where it came from, causes included: whoever reports it needs that. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return `${thrown.stack}${thrown.cause === undefined ? "" : `\nCaused by: ${stackOf(thrown.cause)}`}`;
}
