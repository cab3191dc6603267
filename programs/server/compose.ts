/**
 * The composition root: the only place, with compose/, that names adapters. Layers from the ground up, each a function of
 * what lies below it; what a layer opens it hands to `own`, which closes everything in the opposite order.
 */
import type { Config, Environment } from "@norns/kernel/config";
import { systemClock } from "@norns/kernel/clock";
import type { Log, Mask } from "@norns/kernel/log";
import type { Role } from "./arguments.ts";
import { createBackground } from "./background.ts";
import { bringUpToDate } from "./compose/migrations.ts";
import { openState } from "./compose/state.ts";
import { composeKernel } from "./compose/kernel.ts";
import { serveHttp } from "./compose/http.ts";
import { ensureNode } from "./nodes.ts";

export interface Setup {
  readonly config: Config;
  readonly home: string;
  readonly log: Log;
  readonly mask: Mask;
  readonly role: Role;
  readonly queues: readonly string[] | undefined;
  /** The environment that builds may take named variables from (`NORNS_BUILD_ENV`). */
  readonly env: Environment;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

export interface RunningServer {
  readonly role: Role;
  /** Undefined for a worker, which serves nothing. */
  readonly url: string | undefined;
  /** The one-time link of a fresh installation; null once it is claimed. */
  claimLink(): Promise<string | null>;
  /** Resolves with the error when a part of the server ended by itself. */
  readonly failed: Promise<unknown>;
  /** In order: no new requests, those in flight until the signal, operations handed back, database closed. */
  stop(signal: AbortSignal): Promise<void>;
}

export async function startServer(setup: Setup): Promise<RunningServer> {
  const { config, home, log, mask, role, signal } = setup;
  await using opened = new AsyncDisposableStack();
  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();

  const state = await openState({ config, home, log, mask, signal, own: opened });
  await bringUpToDate(state.store, log);
  const node = await ensureNode(state.store, home, systemClock);
  const background = opened.use(createBackground(log, fail));
  const kernel = composeKernel({ state, log, own: opened });
  const http = role === "worker" ? undefined : await serveHttp({ setup, state, kernel, node, background });

  const rest = opened.move();
  return {
    role,
    url: http?.url,
    claimLink: async () => null,
    failed,
    async stop(grace) {
      await http?.stop(grace);
      await rest.disposeAsync();
    },
  };
}
