import type { By } from "@norns/capabilities/apps/start-audited";
import type { AppName, OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { AnyOperation } from "@norns/kernel/ledger";
import type { DeploymentJson, ReleaseJson, SagaEventJson, StatsJson, StepJson } from "./contract.ts";
import type { Upload } from "./register-archive.ts";
import type { Release } from "./release.ts";

export interface DeploymentQuery {
  readonly app?: AppName | undefined;
  readonly status?: DeploymentJson["status"] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Deployments {
  /** Starts `apps.deploy`. Throws `app_not_found`, `infraspec_invalid`, `app_absent`, `ref_invalid`. */
  deployApp(by: By, app: string, ref: string): Promise<OperationId>;
  /** To the release named (its number or id), or to the good one before the current. Throws `not_deployed`, `no_release_to_roll_back_to`, `release_not_found`. */
  rollBackApp(by: By, app: string, to: string | undefined): Promise<{ operation: OperationId; release: Release }>;
  /** Validates, resolves, builds and tests; nothing is deployed and nothing kept. */
  preflightApp(by: By, app: string, ref: string): Promise<OperationId>;
  /** Stops all of a registered app and takes it out of the catalogue. Volumes are kept. */
  removeApp(by: By, app: string): Promise<OperationId>;
  /** Keeps an uploaded tar of one commit and registers the app that its infraspec.yaml describes; not deployed yet. */
  registerArchive(by: By, upload: Upload): Promise<{ app: AppName; commit: string; isNew: boolean }>;
  /** Newest first. */
  listDeployments(workspace: WorkspaceId, query: DeploymentQuery): Promise<{ deployments: DeploymentJson[]; cursor?: string }>;
  /** Throws `deployment_not_found`. */
  getDeployment(workspace: WorkspaceId, id: OperationId): Promise<DeploymentJson>;
  listDeploymentSteps(workspace: WorkspaceId, id: OperationId): Promise<StepJson[]>;
  /** Newest first; `isCurrent` on the one that should run. */
  listReleases(workspace: WorkspaceId, app: string): Promise<ReleaseJson[]>;
  listSaga(
    workspace: WorkspaceId,
    query: { app?: AppName | undefined; limit: number; cursor?: string | undefined },
  ): Promise<{ events: SagaEventJson[]; cursor?: string }>;
  getSaga(workspace: WorkspaceId, saga: string): Promise<SagaEventJson[]>;
  getStats(workspace: WorkspaceId): Promise<StatsJson>;
  /** What a step's program printed, live when it still runs. Throws `deployment_not_found`. */
  readStepOutput(
    workspace: WorkspaceId,
    id: OperationId,
    options: { step?: string | undefined; follow: boolean; signal: AbortSignal },
  ): Promise<AsyncIterable<StepOutputChunk>>;

  readonly operations: readonly AnyOperation[];
  /** Automatic rollback: listens until the signal aborts. Also removes what builds left that ended with their server. */
  start(signal: AbortSignal): void;
}

export interface StepOutputChunk {
  readonly step: string;
  readonly stream: "stdout" | "stderr" | "system";
  readonly at: number;
  readonly text: string;
}
