import type { Sources } from "@norns/adapters/sources";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import type { Processes } from "@norns/capabilities/apps/processes";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import { z } from "@norns/kernel/http";
import { appNameSchema, idSchema } from "@norns/kernel/ids";
import type { DeploymentsStore } from "../store.ts";

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

const minute = 60_000;
export const defaultLimits: DeployLimits = {
  cloneMs: 15 * minute,
  buildMs: 30 * minute,
  testMs: 30 * minute,
  migrateMs: 30 * minute,
  keptReleases: 10,
  watchMs: minute,
};

export interface StepDeps {
  readonly store: Store;
  readonly rows: DeploymentsStore;
  readonly events: Events;
  readonly catalog: Catalog;
  readonly processes: Processes;
  readonly sources: Sources;
  /** NORNS_HOME: sources are checked out under `work/<operation>`, step output lies with the logs. */
  readonly home: string;
  readonly buildEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly limits: DeployLimits;
}

export const deploymentsQueue = "app-deployments";

const appInput = z.object({ workspace: idSchema("WorkspaceId"), app: appNameSchema });
export const deployInput = appInput.extend({
  ref: z.string(),
  /** Given before the first step, so that every try builds the same release. */
  release: idSchema("ReleaseId"),
});
export const rollbackInput = appInput.extend({
  release: idSchema("ReleaseId"),
  /** The release that was current when it was asked for. */
  from: idSchema("ReleaseId"),
  isAutomatic: z.boolean(),
  reason: z.string(),
});
export const removeInput = appInput;

export type DeployInput = z.infer<typeof deployInput>;
export type RollbackInput = z.infer<typeof rollbackInput>;
export type RemoveInput = z.infer<typeof removeInput>;
/** What the steps that deployments and rollbacks share need. */
export type ReleaseInput = Pick<DeployInput, "workspace" | "app" | "release">;
