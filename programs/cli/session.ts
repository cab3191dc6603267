/** What a running command has in hand: the server, the terminal, the environment, a signal for Ctrl-C. */
import { createClient, type Client } from "@norns/client";
import { connect, type Connection, type Environment } from "./connection.ts";
import { streamEvents, type StreamedEvent, type StreamOptions } from "./event-stream.ts";
import { CommandError, exitCodes } from "./exit.ts";
import { open, sendJson, type HttpRequest } from "./http.ts";
import type { IncomingMessage } from "node:http";
import type { Given } from "./command.ts";
import type { Terminal } from "./terminal.ts";

export interface Session {
  readonly api: Client;
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly directory: string;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
  readonly connection: () => Connection;
  /** The id of the workspace that was named here, by --workspace or NORNS_WORKSPACE; else the caller's own. */
  workspace(named?: string): Promise<string>;
  /** An answer that is not JSON, or a body that is a stream. */
  open(request: HttpRequest): Promise<IncomingMessage>;
  stream(options: Omit<StreamOptions, "signal">): AsyncGenerator<StreamedEvent>;
  /** Prints data when `--json` was given; says whether it did. */
  json(data: unknown): boolean;
}

export interface SessionInput {
  readonly given: Given;
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly directory: string;
  readonly signal: AbortSignal;
}

export function createSession({ given, terminal, environment, directory, signal }: SessionInput): Session {
  const isJson = given.isSet("json");
  let found: Connection | undefined;
  const connection = (): Connection => (found ??= connect({ url: given.option("url"), token: given.option("token") }, environment));
  const workspace = given.option("workspace") ?? environment["NORNS_WORKSPACE"];
  const headers = workspace ? { "x-norns-workspace": workspace } : {};
  const api = createClient((request) => sendJson(connection(), { ...request, headers, signal }));
  return {
    api,
    terminal,
    environment,
    directory,
    isJson,
    signal,
    connection,
    workspace: (named = workspace) => findWorkspace(api, named),
    open: (request) => open(connection(), { ...request, headers: { ...headers, ...request.headers } }),
    stream: (options) => streamEvents(connection(), { ...options, headers: { ...headers, ...options.headers }, signal }),
    json: (data) => {
      if (isJson) terminal.line(JSON.stringify(data, null, 2));
      return isJson;
    },
  };
}

async function findWorkspace(api: Client, named: string | undefined): Promise<string> {
  const list = await api("GET /api/workspaces", {});
  if (named === undefined && list.length > 1) return (await api("GET /api/auth/me", {})).homeWorkspace;
  const found = named === undefined ? list[0] : list.find((one) => [one.id, one.slug, one.name].includes(named));
  if (found) return found.id;
  throw new CommandError(
    exitCodes.notFound,
    "workspace_not_found",
    named ? `You belong to no workspace "${named}".` : "You belong to no workspace.",
    { hint: "`norns workspaces` lists yours." },
  );
}
