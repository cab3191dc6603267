import type { Sources } from "@norns/adapters/sources";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import type { Processes } from "@norns/capabilities/apps/processes";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { NodeId } from "@norns/kernel/ids";
import type { Ledger } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import type { Deployments } from "./deployments.ts";
import type { StepOutputs } from "./step-outputs.ts";

export interface DeploymentsDeps {
  readonly store: Store;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly processes: Processes;
  readonly sources: Sources;
  readonly outputs: StepOutputs;
  readonly node: NodeId;
  /** Where sources are checked out while they are built: `NORNS_HOME/work`. Made when missing; ours alone. */
  readonly workDirectory: string;
  /** The variables of `NORNS_BUILD_ENV`, by name: what a build, a test and a migration see of the server's environment. */
  readonly buildEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<DeployLimits>;
}

export interface DeployLimits {
  readonly cloneMs: number;
  readonly buildMs: number;
  readonly testMs: number;
  readonly migrateMs: number;
  /** Kept besides the current release and the one before it. */
  readonly keptReleases: number;
  /** A new current release that turns unhealthy within this time is rolled back by itself. */
  readonly watchMs: number;
}

export declare function createDeployments(deps: DeploymentsDeps): Deployments;
