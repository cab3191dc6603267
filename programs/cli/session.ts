/** What a running command has in hand: the server, the terminal, the environment, a signal for Ctrl-C. */
import { createClient, type Client } from "@norns/client";
import { connect, type Connection, type Environment } from "./connection.ts";
import { streamEvents, type StreamedEvent, type StreamOptions } from "./event-stream.ts";
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
  return {
    api: createClient((request) => sendJson(connection(), { ...request, headers })),
    terminal,
    environment,
    directory,
    isJson,
    signal,
    connection,
    open: (request) => open(connection(), { ...request, headers: { ...headers, ...request.headers } }),
    stream: (options) => streamEvents(connection(), { ...options, headers: { ...headers, ...options.headers }, signal }),
    json: (data) => {
      if (isJson) terminal.line(JSON.stringify(data, null, 2));
      return isJson;
    },
  };
}
