import type { Actor } from "@norns/kernel/actor";
import { Write } from "@norns/kernel/database";
import { invalid } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { newId, type OperationId, type WorkspaceId } from "@norns/kernel/ids";
import { refSchema } from "./contract.ts";
import type { VerbDeps } from "./create.ts";
import { appAbsent, specInvalid } from "./errors.ts";

export async function deployApp(
  deps: VerbDeps,
  workspace: WorkspaceId,
  name: string,
  ref: string,
  actor: Actor,
  requestId?: string,
): Promise<OperationId> {
  return start(deps, "deploy", workspace, name, ref, actor, requestId);
}

export async function preflightApp(
  deps: VerbDeps,
  workspace: WorkspaceId,
  name: string,
  ref: string,
  actor: Actor,
  requestId?: string,
): Promise<OperationId> {
  return start(deps, "preflight", workspace, name, ref, actor, requestId);
}

/** What can be known without asking a repository is refused here; the commit's own spec is judged by the first step. */
async function start(
  deps: VerbDeps,
  kind: "deploy" | "preflight",
  workspace: WorkspaceId,
  name: string,
  givenRef: string,
  actor: Actor,
  requestId?: string,
): Promise<OperationId> {
  const app = await deps.catalog.getApp(workspace, name);
  if (app.isAbsent) throw appAbsent(app.name);
  const ref = givenRef || "HEAD";
  const isRef = refSchema.safeParse(ref);
  if (!isRef.success)
    throw invalid("ref_invalid", `The ref is not valid: give ${isRef.error.issues[0]?.message ?? "a branch, a tag or a commit"}.`);
  // A directory's spec is the one it is deployed with; a repository's own, at the commit, may be sound while this is not.
  if (!app.isValid && app.location.kind === "directory") throw specInvalid(app.name, app.findings, "in its directory");

  const current = await deps.processes.findCurrent(workspace, app.name);
  const release = newId("ReleaseId");
  const write = new Write();
  const operation = deps.ledger.start(write, {
    definition: deps.operations[kind],
    input: { workspace, app: app.name, ref, release },
    workspace,
    subject: subject("app", app.name),
    actor,
    node: current?.node ?? deps.node,
  });
  if (kind === "deploy")
    deps.rows.addDeployment(write, {
      id: operation,
      workspace,
      app: app.name,
      kind: "deploy",
      ref,
      actor: actor.label,
      releaseId: release,
      isAutomatic: false,
      at: deps.clock.now(),
    });
  deps.audit.record(write, {
    workspace,
    actor,
    action: `apps.${kind}`,
    subject: subject("app", app.name),
    after: { ref },
    operation,
    ...(requestId ? { requestId } : {}),
  });
  await write.commit(deps.store);
  return operation;
}
