import { hostname } from "node:os";
import type { Ingress } from "@norns/adapters/ingress";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import { NornsError } from "@norns/kernel/errors";
import type { Events } from "@norns/kernel/events";
import type { NodeId } from "@norns/kernel/ids";
import { listOperations, type Ledger } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import { awaitHealthy } from "./health/await-healthy.ts";
import { Board } from "./status/status-board.ts";
import type { CurrentRelease } from "./desired/current-release.ts";
import { Desired } from "./desired/desired-state.ts";
import { drainAndStop, type Draining } from "./routing/drain.ts";
import { engineUnavailable } from "./errors.ts";
import { HealthWatch } from "./health/health-watch.ts";
import { HeldOut } from "./routing/held-out.ts";
import { entriesOf, Observed } from "./watching/observed.ts";
import { createProcessesOperations } from "./operations.ts";
import type { Engines, HealthTurn, Processes } from "./processes.ts";
import { readLogs } from "./logs/read-logs.ts";
import { restartApp } from "./restart-app.ts";
import { scaleApp } from "./scale-app.ts";
import { createProcessesStore } from "./store.ts";
import { createAnswers } from "./watching/answers.ts";
import { Watcher } from "./watching/watcher.ts";

export interface ProcessesDeps {
  readonly store: Store;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly engines: Engines;
  /** All ingresses that this server feeds; none in a worker that serves no requests. */
  readonly ingresses: readonly Ingress[];
  readonly node: NodeId;
  /** How this machine is called in `nodeName`; its host name when absent. */
  readonly nodeName?: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * How long to wait after a switch for the routing tables of other server processes, in milliseconds: 0 when this one
   * serves all requests, else a little more than their 1 s poll.
   */
  readonly otherServersMs?: number;
}

/**
 * The processes room.
 *
 * ```ts
 * const processes = createProcesses({ store, events, ledger, audit, catalog, engines: { process }, ingresses: [ingress], node, clock, log });
 * await processes.start(signal);
 * const status = await processes.getStatus(workspace, "hello");
 * ```
 */
export function createProcesses(deps: ProcessesDeps): Processes {
  const { store, events, ledger, audit, catalog, engines, ingresses, node, clock, log, otherServersMs = 0 } = deps;
  const nodeName = deps.nodeName ?? hostname();
  const rows = createProcessesStore(store);
  const engineOf: Processes["engineOf"] = (name) => {
    const engine = engines[name];
    if (!engine) throw engineUnavailable(name);
    return engine;
  };

  const desired = new Desired(rows);
  const observed = new Observed();
  const health = new HealthWatch(clock);
  const heldOut = new HeldOut();
  const board = new Board({ desired, observed, health, nodeName });
  const watcher = new Watcher({ engines, ingresses, desired, observed, health, heldOut, board, node, clock, log });
  const draining: Draining = { heldOut, ingresses, clock, otherServersMs };

  const operations = createProcessesOperations({
    events,
    clock,
    draining,
    findCurrent: (workspace, app) => rows.find(workspace, app),
    scalesOf: (workspace, app) => rows.scalesOf(workspace, app),
    engineOf,
    refresh: () => watcher.turn(),
    trust: (instances) => health.trust(instances),
  });
  const listeners = new Set<(turn: HealthTurn) => void>();
  watcher.answerBy({
    ...createAnswers({ store, events, ledger, operations }),
    reportUnhealthy(turn) {
      for (const listener of listeners) listener(turn);
    },
  });

  const verbDeps = { store, rows, catalog, ledger, audit, operations };
  const onScaled = (app: CurrentRelease["app"], process: string, count: number): void => {
    desired.setScale(app, process, count);
    board.changed();
    watcher.observeSoon();
  };
  const loaded = async (): Promise<void> => {
    if (!desired.isLoaded) await watcher.turn();
  };

  return {
    operations: listOperations(operations.restart, operations.scale, operations.reconcile),

    async getStatus(workspace, name) {
      await loaded();
      return board.statusOf(await catalog.getApp(workspace, name));
    },
    async listStatuses(workspace) {
      await loaded();
      return (await catalog.listApps(workspace)).map((app) => board.statusOf(app));
    },
    async listStatusesJson(workspace) {
      await loaded();
      return board.textOf(workspace, await catalog.listApps(workspace));
    },

    restartApp: (by, app) => restartApp(verbDeps, by, app),
    scaleApp: (by, app, to) => scaleApp({ ...verbDeps, clock, node, onScaled }, by, app, to),
    readLogs: (workspace, app, filter) =>
      readLogs({ catalog, engineOf, currentOf: (_, name) => desired.currentOf(name) }, workspace, app, filter),

    findCurrent: (workspace, app) => rows.find(workspace, app),
    listCurrent: () => rows.list(),
    scalesOf: (workspace, app) => rows.scalesOf(workspace, app),
    makeCurrent(write, next) {
      rows.setCurrent(write, next);
      write.afterCommit(() => {
        desired.setCurrent(next);
        watcher.noteHealthy(next.app, next.release);
        board.changed();
        watcher.setRoutes();
        watcher.observeSoon();
      });
    },
    dropCurrent(write, workspace, app) {
      rows.dropCurrent(write, workspace, app);
      write.afterCommit(() => {
        desired.drop(app);
        board.changed();
        watcher.setRoutes();
        watcher.observeSoon();
      });
    },
    engines,
    async observeApp(workspace, app) {
      const current = await rows.find(workspace, app);
      const answers = await Promise.all(
        entriesOf(engines).map(async ([name, engine]) => {
          try {
            return { engine, instances: await engine.observe({ workspace, app }) };
          } catch (error) {
            const isNeeded = current?.engine === name || observed.isOn(name, app);
            if (isNeeded || !(error instanceof NornsError) || error.kind !== "unavailable") throw error;
            return { engine, instances: [] };
          }
        }),
      );
      return answers.filter(({ instances }) => instances.length > 0);
    },
    engineOf,
    awaitHealthy: (engine, workload, wait) => awaitHealthy(clock, engine, workload, wait),
    refresh: () => watcher.turn(),
    drainAndStop: (engine, instances, drainMs, signal) => drainAndStop(draining, engine, instances, drainMs, signal),
    onUnhealthy(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    trust: (instances) => health.trust(instances),
    start: (signal) => watcher.start(signal),
  };
}
