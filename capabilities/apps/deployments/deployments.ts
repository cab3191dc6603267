import type { Artifact } from "@norns/adapters/engines";
import type { EngineName, Infraspec } from "@norns/capabilities/apps/catalog";
import type { Actor } from "@norns/kernel/actor";
import type { AppName, NodeId, OperationId, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { OperationDefinition } from "@norns/kernel/ledger";
import type { DeploymentJson, ReleaseJson, SagaEventJson, StatsJson, StepJson } from "./contract.ts";

/**
 * One built version of an app. `new`: never in service; `good`: was made current once; `bad`: failed its deployment, or
 * was rolled back from. A rollback by itself goes only to good ones.
 */
export interface Release {
  readonly id: ReleaseId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly number: number;
  readonly state: "new" | "good" | "bad";
  /** 40 hex digits, or `content-<40 hex>`. */
  readonly commit: string;
  readonly ref: string;
  /** The commit's first line. */
  readonly subject: string;
  readonly spec: Infraspec;
  readonly specText: string;
  readonly artifact: Artifact;
  readonly engine: EngineName;
  readonly node: NodeId;
  readonly operation: OperationId;
  readonly createdAt: number;
}

export interface DeploymentQuery {
  readonly app?: AppName | undefined;
  readonly status?: DeploymentJson["status"] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Deployments {
  /** Starts `apps.deploy`. Throws `app_not_found`, `infraspec_invalid`, `app_absent`, `ref_invalid`. */
  deployApp(workspace: WorkspaceId, app: string, ref: string, actor: Actor, requestId?: string): Promise<OperationId>;
  /** To the release named (its number or id), or to the good one before the current. Throws `not_deployed`, `no_release_to_roll_back_to`, `release_not_found`. */
  rollBackApp(workspace: WorkspaceId, app: string, to: string | undefined, actor: Actor, requestId?: string): Promise<{ operation: OperationId; release: Release }>;
  /** Validates, resolves, builds and tests; nothing is deployed and nothing kept. */
  preflightApp(workspace: WorkspaceId, app: string, ref: string, actor: Actor, requestId?: string): Promise<OperationId>;
  /** Stops all of a registered app and takes it out of the catalogue. Volumes are kept. */
  removeApp(workspace: WorkspaceId, app: string, actor: Actor, requestId?: string): Promise<OperationId>;
  /** Keeps an uploaded tar of one commit and registers the app that its infraspec.yaml describes; not deployed yet. */
  registerArchive(workspace: WorkspaceId, upload: { commit: string; app?: AppName; body: AsyncIterable<Uint8Array>; signal: AbortSignal }, actor: Actor, requestId?: string): Promise<{ app: AppName; commit: string }>;
  /** Newest first. */
  listDeployments(workspace: WorkspaceId, query: DeploymentQuery): Promise<{ deployments: DeploymentJson[]; cursor?: string }>;
  /** Throws `deployment_not_found`. */
  getDeployment(workspace: WorkspaceId, id: OperationId): Promise<DeploymentJson>;
  listDeploymentSteps(workspace: WorkspaceId, id: OperationId): Promise<StepJson[]>;
  /** Newest first; `isCurrent` on the one that should run. */
  listReleases(workspace: WorkspaceId, app: string): Promise<ReleaseJson[]>;
  listSaga(workspace: WorkspaceId, query: { app?: AppName | undefined; limit: number; cursor?: string | undefined }): Promise<{ events: SagaEventJson[]; cursor?: string }>;
  getSaga(workspace: WorkspaceId, saga: string): Promise<SagaEventJson[]>;
  getStats(workspace: WorkspaceId): Promise<StatsJson>;
  /** What a step's program printed, live when it still runs. Throws `deployment_not_found`. */
  readStepOutput(workspace: WorkspaceId, id: OperationId, options: { step?: string; follow: boolean; signal: AbortSignal }): Promise<AsyncIterable<StepOutputChunk>>;

  readonly operations: readonly OperationDefinition<unknown>[];
  /** Automatic rollback: listens until the signal aborts. */
  start(signal: AbortSignal): void;
}

export interface StepOutputChunk {
  readonly step: string;
  readonly stream: "stdout" | "stderr" | "system";
  readonly at: number;
  readonly text: string;
}
