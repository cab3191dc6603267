import { drainMsOf, hostnamesOf, toWorkload } from "@norns/capabilities/apps/processes";
import { Write } from "@norns/kernel/database";
import { isRetryable, toNornsError } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { done, skipped, type StepContext, type StepResult } from "@norns/kernel/ledger";
import { toCurrent } from "../release.ts";
import type { ReleaseInput, StepDeps } from "./deps.ts";
import { othersOf, releaseOf, submittedOf } from "./submit.ts";
import type { Step } from "./step-names.ts";

const tries = 3;

/**
 * After the switch: the new release is kept up, requests go to it, and the old one drains and stops. What goes wrong
 * here is tried again and in the end a warning: the new release serves, and the watcher finishes what is left.
 */
export function forge<Input extends ReleaseInput>(deps: StepDeps): Step<Input> {
  return {
    name: "forge",
    timeoutMs: 60 * 60_000,
    retry: { tries, backoffMs: 1_000, factor: 3 },
    async run(context) {
      const moot = submittedOf(context)?.moot;
      if (moot !== undefined) return skipped(moot);
      try {
        return await route(deps, context);
      } catch (thrown) {
        if (context.signal.aborted) throw thrown;
        const error = toNornsError(thrown);
        if (isRetryable(error) && context.operation.attempt < tries) throw thrown;
        return warn(deps, context, error.message);
      }
    },
  };
}

async function route(deps: StepDeps, context: StepContext<ReleaseInput>): Promise<StepResult> {
  const { workspace, app } = context.input;
  const release = await releaseOf(deps, context);
  const workload = toWorkload(toCurrent(release, 0), await deps.processes.scalesOf(workspace, app));
  await deps.processes.engineOf(release.engine).apply(workload, { keepUp: true, signal: context.signal });
  await deps.processes.refresh();

  const old = await othersOf(deps, context);
  const stopped = old.reduce((count, { instances }) => count + instances.length, 0);
  const before = await specOfOld(deps, context, old[0]?.instances[0]?.release);
  for (const { engine, instances } of old) {
    context.progress(
      `${instances.length} old ${instances.length === 1 ? "instance finishes its requests and stops" : "instances finish their requests and stop"}.`,
    );
    await deps.processes.drainAndStop(engine, instances, drainMsOf(before ?? release.spec), context.signal);
  }

  const names = hostnamesOf(app, release.spec).map(({ hostname }) => hostname);
  if (names.length === 0 && stopped === 0) return skipped("No process of the app takes requests, and no old release runs.");
  const write = new Write();
  say(
    deps,
    write,
    context,
    names.length === 0 ? "forge.skip" : "forge.applied",
    names.length === 0 ? `No process of ${app} takes requests.` : `${app} answers at ${names.join(", ")}.`,
    {
      hostnames: names.join(","),
      release: String(release.number),
      stopped: String(stopped),
    },
  );
  return done({ hostnames: names, stopped }, write);
}

async function specOfOld(deps: StepDeps, context: StepContext<ReleaseInput>, release: ReleaseInput["release"] | undefined) {
  if (release === undefined) return undefined;
  return (await deps.rows.findRelease(context.input.workspace, context.input.app, release))?.spec;
}

function warn(deps: StepDeps, context: StepContext<ReleaseInput>, why: string): StepResult {
  const write = new Write();
  say(
    deps,
    write,
    context,
    "forge.failed",
    `The new release serves, but not everything after the switch was done: ${why} Norns goes on trying.`,
    { warning: "true" },
  );
  return done({ warning: why }, write);
}

const say = (
  deps: StepDeps,
  write: Write,
  context: StepContext<ReleaseInput>,
  action: string,
  message: string,
  metadata: Readonly<Record<string, string>>,
) =>
  deps.events.append(write, {
    workspace: context.input.workspace,
    subject: subject("app", context.input.app),
    operation: context.operation.id,
    category: "deploy",
    action,
    message,
    metadata: { step: "forge", ...metadata },
    actor: context.operation.actor,
  });
