import { startAudited, type By } from "@norns/capabilities/apps/start-audited";
import { invalid } from "@norns/kernel/errors";
import { newId, type OperationId } from "@norns/kernel/ids";
import { refSchema } from "./contract.ts";
import type { VerbDeps } from "./create.ts";
import { appAbsent, specInvalid } from "./errors.ts";

export const deployApp = (deps: VerbDeps, by: By, name: string, ref: string): Promise<OperationId> => start(deps, "deploy", by, name, ref);

export const preflightApp = (deps: VerbDeps, by: By, name: string, ref: string): Promise<OperationId> =>
  start(deps, "preflight", by, name, ref);

/** What can be known without asking a repository is refused here; the commit's own spec is judged by the first step. */
async function start(deps: VerbDeps, kind: "deploy" | "preflight", by: By, name: string, givenRef: string): Promise<OperationId> {
  const { workspace, actor } = by;
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
  return startAudited(deps, by, {
    app: app.name,
    definition: deps.operations[kind],
    input: { workspace, app: app.name, ref, release },
    node: current?.node ?? deps.node,
    action: `apps.${kind}`,
    after: { ref },
    also(write, operation) {
      if (kind === "preflight") return;
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
    },
  });
}
