/** The room's operations, each a list of steps. */
import type { NodeId } from "@norns/kernel/ids";
import { defineOperation, done, type OperationDefinition, type OperationEnd } from "@norns/kernel/ledger";
import type { Write } from "@norns/kernel/database";
import { subject } from "@norns/kernel/events";
import { specOf, clonedOf, removeWork } from "./source.ts";
import { beforeSwitch } from "./before-switch.ts";
import { artifactIn, build, buildArtifact, toJson } from "./build.ts";
import { cleanup } from "./cleanup.ts";
import { clone } from "./clone.ts";
import { migrate, snapshot, test } from "./commands.ts";
import {
  deployInput,
  deploymentsQueue,
  removeInput,
  rollbackInput,
  type DeployInput,
  type RemoveInput,
  type RollbackInput,
  type StepDeps,
} from "./deps.ts";
import { findOutput } from "./find-output.ts";
import { forge } from "./forge.ts";
import { healthy } from "./healthy.ts";
import { mootRollback } from "./moot-rollback.ts";
import { removeAppSteps } from "./remove.ts";
import { submit } from "./submit.ts";
import type { Step } from "./step-names.ts";
import { engineOf } from "@norns/capabilities/apps/catalog";
import { appLock } from "@norns/capabilities/apps/processes";

export interface DeploymentsOperations {
  readonly deploy: OperationDefinition<DeployInput>;
  readonly rollback: OperationDefinition<RollbackInput>;
  readonly preflight: OperationDefinition<DeployInput>;
  readonly remove: OperationDefinition<RemoveInput>;
}

export function createDeploymentsOperations(deps: StepDeps, node: NodeId): DeploymentsOperations {
  const deploy = defineOperation<DeployInput>({
    name: "apps.deploy",
    queue: deploymentsQueue,
    category: "deploy",
    input: deployInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: true,
    steps: [
      ...[
        clone(deps, { records: true }),
        build(deps, node),
        test(deps),
        snapshot(),
        migrate(deps),
        submit<DeployInput>(deps),
        healthy<DeployInput>(deps, "deploy"),
      ].map((step) => beforeSwitch(deps, step)),
      forge<DeployInput>(deps),
      cleanup<DeployInput>(deps, "deploy"),
    ],
    onEnd: (end, write) => recordEnd(deps, end, write),
  });

  const rollback = defineOperation<RollbackInput>({
    name: "apps.rollback",
    queue: deploymentsQueue,
    category: "rollback",
    input: rollbackInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: true,
    steps: [
      ...[submit<RollbackInput>(deps, mootRollback(deps)), healthy<RollbackInput>(deps, "rollback")].map((step) =>
        beforeSwitch(deps, step),
      ),
      forge<RollbackInput>(deps),
      cleanup<RollbackInput>(deps, "rollback"),
    ],
    onEnd: (end, write) => recordEnd(deps, end, write),
  });

  // Builds beside whatever runs, so it needs a lock only against itself.
  const preflight = defineOperation<DeployInput>({
    name: "apps.preflight",
    queue: deploymentsQueue,
    category: "preflight",
    input: deployInput,
    lock: ({ app }) => `preflight:${app}`,
    announcesSteps: true,
    steps: [clone(deps, { records: false }), buildForPreflight(deps), test(deps), removePreflight(deps)],
  });

  const remove = defineOperation<RemoveInput>({
    name: "apps.remove",
    queue: deploymentsQueue,
    category: "remove",
    input: removeInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: true,
    undoesOnFailure: false,
    steps: removeAppSteps(deps),
  });

  return { deploy, rollback, preflight, remove };
}

function buildForPreflight(deps: StepDeps): Step<DeployInput> {
  return {
    name: "build",
    timeoutMs: deps.limits.buildMs + 60_000,
    async run(context) {
      const { source, specText } = clonedOf(context);
      const artifact = await buildArtifact(deps, context, specOf(context.input.app, specText, source.commit), 0);
      return done({ release: 0, artifact: toJson(artifact) });
    },
    undo: (context) => removePreflightArtifact(deps, context),
  };
}

function removePreflight(deps: StepDeps): Step<DeployInput> {
  return {
    name: "cleanup",
    timeoutMs: 5 * 60_000,
    async run(context) {
      await removePreflightArtifact(deps, context);
      await removeWork(deps, context);
      return done();
    },
  };
}

/** The image may be the very one that a release has: then it stays. */
async function removePreflightArtifact(deps: StepDeps, context: Parameters<NonNullable<Step<DeployInput>["undo"]>>[0]): Promise<void> {
  const { workspace, app } = context.input;
  const built = artifactIn(findOutput(context, "build"));
  if (built === undefined) return;
  const { source, specText } = clonedOf(context);
  const releases = await deps.rows.listReleases(workspace, app);
  if (releases.some((release) => JSON.stringify(release.artifact) === JSON.stringify(built))) return;
  await deps.processes.engineOf(engineOf(specOf(app, specText, source.commit))).removeArtifact(built);
}

/**
 * The outcome commits with the operation's end. A deployment that was cancelled or broke off after the switch has
 * deployed: its release serves.
 */
function recordEnd(deps: StepDeps, end: OperationEnd<DeployInput | RollbackInput>, write: Write): void {
  const { operation, state, error } = end;
  const at = deps.clock.now();
  deps.rows.setEnded(write, operation.id, { deployed: state === "succeeded" ? true : undefined, error, at });
  // The ledger tells `failed` itself; the seed's readers know no other word for these ends.
  if (state === "undone" || state === "undo_failed" || state === "cancelled")
    deps.events.append(write, {
      workspace: operation.workspace,
      subject: subject("app", end.input.app),
      operation: operation.id,
      category: operation.category,
      action: `${operation.category}.failed`,
      message:
        error?.message ??
        (state === "cancelled"
          ? `The ${operation.category} of ${end.input.app} was cancelled.`
          : `The ${operation.category} of ${end.input.app} failed.`),
      metadata: { state, ...(error?.step ? { step: error.step } : {}), ...(error ? { code: error.code } : {}), ...facts(error?.details) },
      actor: operation.actor,
    });
}

/** What a look at the first unhealthy instance saw, in small facts; body and log lines are in the deployment's error. */
function facts(details: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (typeof details !== "object" || details === null) return found;
  if ("stays" in details && typeof details.stays === "object" && details.stays !== null && "release" in details.stays)
    found["stays"] = String(details.stays.release);
  const first: unknown = "evidence" in details && Array.isArray(details.evidence) ? details.evidence[0] : undefined;
  if (typeof first !== "object" || first === null) return found;
  for (const key of ["instance", "process", "status", "error"] as const)
    if (key in first) found[key] = String((first as Record<string, unknown>)[key]).slice(0, 300);
  if ("exit" in first && typeof first.exit === "object" && first.exit !== null && "code" in first.exit)
    found["exitCode"] = String(first.exit.code);
  return found;
}
