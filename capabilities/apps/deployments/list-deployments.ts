import { decodeCursor, encodeCursor } from "@norns/kernel/http";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { hasEnded, type OperationError, type OperationStep } from "@norns/kernel/ledger";
import type { DeploymentJson, ReleaseJson, StepJson } from "./contract.ts";
import type { VerbDeps } from "./create.ts";
import type { DeploymentQuery } from "./deployments.ts";
import { deploymentNotFound } from "./errors.ts";
import { imageTagOf } from "./release.ts";
import { currentStep, statusOf } from "./rules.ts";
import type { Deployment } from "./store.ts";

/** Those that are over say so themselves; those under way are asked for, and they are few. */
export async function listDeployments(
  deps: VerbDeps,
  workspace: WorkspaceId,
  query: DeploymentQuery,
): Promise<{ deployments: DeploymentJson[]; cursor?: string }> {
  const { app, status, limit } = query;
  const before = query.cursor === undefined ? undefined : String(decodeCursor(query.cursor, ["string"])[0]);
  const outcome = status === undefined ? undefined : status === "deployed" || status === "failed" ? status : null;
  const rows = await deps.rows.listDeployments(workspace, { app, outcome, before, limit: limit + 1 });
  const page = rows.slice(0, limit);
  const all = await Promise.all(page.map((row) => toDeployment(deps, row)));
  const deployments = outcome === null ? all.filter((deployment) => deployment.status === status) : all;
  const last = page.at(-1);
  return rows.length > limit && last ? { deployments, cursor: encodeCursor([last.id]) } : { deployments };
}

export async function getDeployment(deps: VerbDeps, workspace: WorkspaceId, id: OperationId): Promise<DeploymentJson> {
  const row = await deps.rows.findDeployment(workspace, id);
  if (!row) throw deploymentNotFound(id);
  return toDeployment(deps, row, true);
}

export async function listDeploymentSteps(deps: VerbDeps, workspace: WorkspaceId, id: OperationId): Promise<StepJson[]> {
  const row = await deps.rows.findDeployment(workspace, id);
  const operation = row && (await deps.ledger.find(id));
  if (!row || !operation) throw deploymentNotFound(id);
  return operation.steps.map((step) => toStep(row, step, operation.steps.length));
}

export async function listReleases(deps: VerbDeps, workspace: WorkspaceId, name: string): Promise<ReleaseJson[]> {
  const app = await deps.catalog.getApp(workspace, name);
  const [releases, current] = await Promise.all([
    deps.rows.listReleases(workspace, app.name),
    deps.processes.findCurrent(workspace, app.name),
  ]);
  return releases.map((release) => ({
    id: release.id,
    app: release.app,
    number: release.number,
    state: release.state,
    commitSha: release.commit,
    ref: release.ref,
    subject: release.subject,
    imageTag: imageTagOf(release, release.artifact),
    engine: release.engine,
    sagaId: release.operation,
    createdAt: time(release.createdAt),
    isCurrent: release.id === current?.release,
    isKept: release.artifact !== null,
  }));
}

async function toDeployment(deps: VerbDeps, row: Deployment, asksAlways = false): Promise<DeploymentJson> {
  const operation = row.outcome === null || asksAlways ? await deps.ledger.find(row.id as OperationId) : null;
  const hasSwitched = row.switched_at !== null;
  const status = operation ? statusOf(operation, hasSwitched) : row.outcome === "deployed" || hasSwitched ? "deployed" : "failed";
  const step = operation && !hasEnded(operation.state) ? currentStep(operation.steps) : undefined;
  const error = operation ? operation.error : row.error_json === null ? undefined : (JSON.parse(row.error_json) as OperationError);
  return {
    id: row.id,
    app: row.app,
    commitSha: row.commit_sha,
    imageTag: row.image_tag,
    sagaId: row.id,
    status,
    startedAt: time(row.created_at),
    ...(row.finished_at === null ? {} : { finishedAt: time(row.finished_at) }),
    kind: row.kind === "rollback" ? "rollback" : "deploy",
    ref: row.ref,
    actor: row.actor,
    ...(row.release_number === null ? {} : { release: row.release_number }),
    ...(row.from_release_number === null ? {} : { fromRelease: row.from_release_number }),
    isAutomatic: row.automatic_from !== null,
    ...(operation ? { operationState: operation.state } : {}),
    ...(step === undefined ? {} : { step }),
    ...(error ? { error: toError(error) } : {}),
  };
}

const toError = ({ code, message, step, details }: OperationError) => ({
  code,
  message,
  ...(step === undefined ? {} : { step }),
  ...(details === undefined ? {} : { details }),
});

const stepStatus = {
  pending: "pending",
  running: "running",
  done: "complete",
  skipped: "skipped",
  failed: "failed",
  undone: "undone",
} as const;

const toStep = (row: Deployment, step: OperationStep, total: number): StepJson => ({
  deploymentId: row.id,
  app: row.app,
  sagaId: row.id,
  step: step.name,
  status: stepStatus[step.state],
  attempt: step.attempt,
  index: step.position,
  total,
  ...(step.startedAt === undefined ? {} : { startedAt: time(step.startedAt) }),
  ...(step.finishedAt === undefined ? {} : { finishedAt: time(step.finishedAt) }),
  ...(step.startedAt === undefined || step.finishedAt === undefined ? {} : { durationMs: step.finishedAt - step.startedAt }),
  message: step.skipReason ?? step.error?.message ?? "",
  ...(step.error ? { error: toError(step.error) } : {}),
});

const time = (at: number): string => new Date(at).toISOString();
