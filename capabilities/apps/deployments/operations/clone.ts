import { Write } from "@norns/kernel/database";
import { subject } from "@norns/kernel/events";
import { done } from "@norns/kernel/ledger";
import { appAbsent } from "../errors.ts";
import { shortCommit } from "../release.ts";
import type { DeployInput, StepDeps } from "./deps.ts";
import { checkOut, removeWork, specOf, specTextOf, toOutput } from "./source.ts";
import type { Step } from "./step-names.ts";

/** Finds the commit, once and for all tries, and what the source at that commit says should run. */
export function clone(deps: StepDeps, options: { readonly records: boolean }): Step<DeployInput> {
  return {
    name: "clone",
    timeoutMs: deps.limits.cloneMs,
    retry: { tries: 3, backoffMs: 2_000, factor: 3 },
    async run(context) {
      const { workspace, app: name, ref } = context.input;
      const app = await deps.catalog.getApp(workspace, name);
      if (app.isAbsent) throw appAbsent(name);
      const source = await deps.sources.resolve(name, app.location, ref, context.signal);
      context.progress(`${ref} is ${shortCommit(source.commit)}${source.subject ? ` (${source.subject})` : ""}.`);
      if (source.isDirty) context.progress("The directory has changes that are not committed; they are not deployed.");
      const directory = await checkOut(deps, context, source);
      const specText = await specTextOf(directory, app, source.commit);
      specOf(name, specText, source.commit);

      const write = new Write();
      if (options.records) deps.rows.setCommit(write, context.operation.id, source.commit);
      deps.events.append(write, {
        workspace,
        subject: subject("app", name),
        operation: context.operation.id,
        category: "deploy",
        action: "source.provenance",
        message: `The source of ${name} is ${shortCommit(source.commit)}.`,
        metadata: {
          kind: source.location.kind,
          ref,
          commit: source.commit,
          subject: (source.subject ?? "").slice(0, 200),
          dirty: String(source.isDirty),
        },
        actor: context.operation.actor,
      });
      return done(toOutput({ source, specText }), write);
    },
    undo: (context) => removeWork(deps, context),
  };
}
