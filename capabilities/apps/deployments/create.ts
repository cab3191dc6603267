import type { Sources } from "@norns/adapters/sources";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import type { Processes } from "@norns/capabilities/apps/processes";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { NodeId } from "@norns/kernel/ids";
import { listOperations, type Ledger } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import { watchNewReleases } from "./auto-roll-back.ts";
import { deployApp, preflightApp } from "./deploy-app.ts";
import type { Deployments } from "./deployments.ts";
import { getDeployment, listDeploymentSteps, listDeployments, listReleases } from "./list-deployments.ts";
import { createDeploymentsOperations, type DeploymentsOperations } from "./operations/index.ts";
import { defaultLimits, type DeployLimits } from "./operations/deps.ts";
import { readStepOutput } from "./read-step-output.ts";
import { removeAbandonedWork } from "./remove-abandoned-work.ts";
import { registerArchive } from "./register-archive.ts";
import { removeApp } from "./remove-app.ts";
import { rollBackApp } from "./roll-back-app.ts";
import { getSaga, listSaga } from "./saga.ts";
import { getStats } from "./stats.ts";
import { createDeploymentsStore, type DeploymentsStore } from "./store.ts";

export interface DeploymentsDeps {
  readonly store: Store;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly processes: Processes;
  readonly sources: Sources;
  readonly node: NodeId;
  /** NORNS_HOME: sources are checked out under `work/`, step output lies with the instances' logs. */
  readonly home: string;
  /** The variables of `NORNS_BUILD_ENV`, by name: what a build, a test and a migration see of the server's environment. */
  readonly buildEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<DeployLimits>;
}

/** What the verbs use. */
export interface VerbDeps extends Omit<DeploymentsDeps, "limits"> {
  readonly rows: DeploymentsStore;
  readonly limits: DeployLimits;
  readonly operations: DeploymentsOperations;
}

/**
 * The deployments room.
 *
 * ```ts
 * const deployments = createDeployments({ store, events, ledger, audit, catalog, processes, sources, node, home, buildEnv, clock, log });
 * const operation = await deployments.deployApp({ workspace, actor }, "hello", "HEAD");
 * ```
 */
export function createDeployments(given: DeploymentsDeps): Deployments {
  const rows = createDeploymentsStore(given.store);
  const limits = { ...defaultLimits, ...given.limits };
  const operations = createDeploymentsOperations({ ...given, rows, limits }, given.node);
  const deps: VerbDeps = { ...given, rows, limits, operations };

  return {
    operations: listOperations(operations.deploy, operations.rollback, operations.preflight, operations.remove),
    deployApp: (by, app, ref) => deployApp(deps, by, app, ref),
    preflightApp: (by, app, ref) => preflightApp(deps, by, app, ref),
    rollBackApp: (by, app, to) => rollBackApp(deps, by, app, to),
    removeApp: (by, app) => removeApp(deps, by, app),
    registerArchive: (by, upload) => registerArchive(deps, by, upload),
    listDeployments: (workspace, query) => listDeployments(deps, workspace, query),
    getDeployment: (workspace, id) => getDeployment(deps, workspace, id),
    listDeploymentSteps: (workspace, id) => listDeploymentSteps(deps, workspace, id),
    listReleases: (workspace, app) => listReleases(deps, workspace, app),
    listSaga: (workspace, query) => listSaga(deps, workspace, query),
    getSaga: (workspace, saga) => getSaga(deps, workspace, saga),
    getStats: (workspace) => getStats(deps, workspace),
    readStepOutput: (workspace, id, options) => readStepOutput(deps, workspace, id, options),
    start(signal) {
      watchNewReleases(deps, signal);
      removeAbandonedWork(deps).catch((error: unknown) =>
        given.log.warn({ error }, "Files of ended builds could not be removed; the next start tries again."),
      );
    },
  };
}
