/**
 * `norns down`: ends everything of this NORNS_HOME, from the top: servers (which would start apps again), instances of
 * both engines, the supervisor, the database. Nothing is removed, so `npm start` brings all of it back. May be repeated.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "@norns/kernel/config";
import { conflict, toNornsError } from "@norns/kernel/errors";
import type { NodeId } from "@norns/kernel/ids";
import { stopDatabase, stopInstances } from "./compose/down.ts";
import { defaultHome } from "./home.ts";
import { findServers, isStillThere, type ServerProcess } from "./server-record.ts";

/** A server gives requests and steps in flight ten seconds, and its database half a minute. */
const serverMs = 45_000;

export interface Stopped {
  readonly home: string;
  /** Processes. */
  readonly servers: readonly number[];
  readonly instances: readonly { readonly app: string; readonly process: string; readonly id: string }[];
  /** True when the database was ended: with its server, or after it. */
  readonly database: boolean;
}

async function down(signal: AbortSignal): Promise<Stopped> {
  const config = loadConfig(process.env);
  const home = resolve(config.home ?? defaultHome());
  if (!existsSync(join(home, "node"))) return { home, servers: [], instances: [], database: false };
  const hadDatabase = existsSync(join(home, "postgres", "data", "postmaster.pid"));
  const servers = findServers(home);
  for (const server of servers) process.kill(server.pid, "SIGTERM");
  for (const server of servers) await ended(server, signal);
  const node = readFileSync(join(home, "node"), "utf8").trim() as NodeId;
  const instances = await stopInstances({ config, home, node, signal });
  await stopDatabase({ home, signal });
  return {
    home,
    servers: servers.map(({ pid }) => pid),
    instances: instances.map(({ app, process: name, id }) => ({ app, process: name, id })),
    database: hadDatabase,
  };
}

async function ended(server: ServerProcess, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + serverMs; isStillThere(server); await sleep(25, undefined, { signal }))
    if (Date.now() > until)
      throw conflict(
        "server_still_there",
        `The server (process ${server.pid}) has not ended within ${serverMs / 1000} s. End it with \`kill -9 ${server.pid}\` and repeat \`norns down\`.`,
      );
}

function told({ home, servers, instances, database }: Stopped): string[] {
  if (servers.length === 0 && instances.length === 0 && !database) return [`Nothing of ${home} was running.`];
  const counts = new Map<string, number>();
  for (const { app } of instances) counts.set(app, (counts.get(app) ?? 0) + 1);
  const apps = [...counts].map(([app, count]) => (count > 1 ? `${app} ×${count}` : app));
  return [
    `○ server    ${servers.length > 0 ? `stopped (process ${servers.join(", ")})` : "was not running"}`,
    `○ apps      ${apps.length > 0 ? `stopped: ${apps.toSorted().join(", ")}` : "none were running"}`,
    `○ database  ${database ? "stopped" : "was not running here"}`,
    "Nothing was removed: `npm start` brings all of it back.",
  ];
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(new Error("Interrupted; repeat `norns down`.")));
const isJson = process.argv.includes("--json");
try {
  const stopped = await down(stop.signal);
  process.stdout.write(isJson ? `${JSON.stringify(stopped, null, 2)}\n` : `${told(stopped).join("\n")}\n`);
  process.exit(0);
} catch (thrown) {
  const error = stop.signal.aborted ? toNornsError(stop.signal.reason) : toNornsError(thrown);
  const message = error.kind === "bug" && thrown instanceof Error ? thrown.message : error.message;
  if (isJson) process.stdout.write(`${JSON.stringify({ error: message, code: error.code })}\n`);
  else process.stderr.write(`norns: ${message}\n`);
  process.exit(1);
}
