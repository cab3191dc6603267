/**
 * Restart, scale, and the restoring of what should run. All hold the app's lock, so none of them meets a deployment.
 * Each may die anywhere and run again: what has been done is seen from the instances themselves.
 */
import type { Engine, Instance } from "@norns/adapters/engines";
import { shortId } from "@norns/capabilities/apps/wire";
import { Write } from "@norns/kernel/database";
import { subject, type Events } from "@norns/kernel/events";
import { appNameSchema, idSchema, processNameSchema, type AppName, type InstanceId, type WorkspaceId } from "@norns/kernel/ids";
import { defineOperation, done, skipped, type OperationDefinition, type StepContext } from "@norns/kernel/ledger";
import { z } from "@norns/kernel/http";
import type { Clock } from "@norns/kernel/clock";
import { awaitHealthy, type Verdict } from "./health/await-healthy.ts";
import type { CurrentRelease } from "./desired/current-release.ts";
import { drain, drainAndStop, drainMsOf, type Draining } from "./routing/drain.ts";
import { notHealthy } from "./errors.ts";
import type { Scales } from "./processes.ts";
import { differenceOf, isDifferent, placeName, type Place } from "./desired/places.ts";
import { toWorkload } from "./desired/workload.ts";

/** Whoever changes what runs of an app holds it: deployments too. */
export const appLock = (app: string): string => `app:${app}`;
export const processesQueue = "app-processes";

const appInput = z.object({ workspace: idSchema("WorkspaceId"), app: appNameSchema });
export type AppInput = z.infer<typeof appInput>;
const scaleInput = appInput.extend({ process: processNameSchema, count: z.number().int(), before: z.number().int() });
export type ScaleInput = z.infer<typeof scaleInput>;

export interface OperationDeps {
  readonly events: Events;
  readonly clock: Clock;
  readonly draining: Draining;
  findCurrent(workspace: WorkspaceId, app: AppName): Promise<CurrentRelease | null>;
  scalesOf(workspace: WorkspaceId, app: AppName): Promise<Scales>;
  engineOf(name: CurrentRelease["engine"]): Engine;
  /** Looks at the engines and sets the routes, now. */
  refresh(): Promise<void>;
  /** These were just seen healthy: they are routed to without a second look. */
  trust(instances: readonly InstanceId[]): void;
}

export interface ProcessesOperations {
  readonly restart: OperationDefinition<AppInput>;
  readonly scale: OperationDefinition<ScaleInput>;
  readonly reconcile: OperationDefinition<AppInput>;
}

export function createProcessesOperations(deps: OperationDeps): ProcessesOperations {
  const { events, clock, draining } = deps;

  /** The current release and its instances, or undefined when there is nothing to act on. */
  async function look(input: AppInput) {
    const current = await deps.findCurrent(input.workspace, input.app);
    if (!current) return undefined;
    const engine = deps.engineOf(current.engine);
    const workload = toWorkload(current, await deps.scalesOf(input.workspace, input.app));
    return { current, engine, workload, instances: await engine.observe(input) };
  }

  /** The watcher sees the new run first, then takes it for what it was just seen to be. */
  async function takeIn(verdict: Verdict): Promise<void> {
    await deps.refresh();
    if (verdict.healthy) deps.trust(verdict.instances);
  }

  const say = (
    write: Write,
    context: StepContext<AppInput>,
    category: string,
    action: string,
    message: string,
    metadata: Readonly<Record<string, string>>,
  ) =>
    events.append(write, {
      workspace: context.input.workspace,
      subject: subject("app", context.input.app),
      operation: context.operation.id,
      category,
      action,
      message,
      metadata,
      actor: context.operation.actor,
    });

  const restart = defineOperation<AppInput>({
    name: "apps.restart",
    queue: processesQueue,
    category: "restart",
    input: appInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: true,
    undoesOnFailure: false,
    steps: [
      {
        name: "restart",
        timeoutMs: 30 * 60_000,
        cannotUndo: "A restarted instance cannot be put back to what it was.",
        async run(context) {
          const seen = await look(context.input);
          if (!seen) return skipped("The app has no release in service any more.");
          const { current, engine, workload } = seen;
          const places = seen.instances.filter((instance) => instance.release === current.release).toSorted(byPlace);
          // Started after the operation was asked for: an earlier try of this step did it.
          const due = places.filter((instance) => instance.startedAt < context.operation.createdAt);
          for (const [position, instance] of due.entries()) {
            context.progress(`Restarting ${placeName(instance)} (${position + 1} of ${due.length}).`);
            await drain(draining, [instance], drainMsOf(current.spec), context.signal);
            try {
              await engine.restart(instance.id, { signal: context.signal });
              const verdict = await awaitHealthy(clock, engine, workload, {
                signal: context.signal,
                onProgress: context.progress,
                only: (place) => isSamePlace(place, instance),
              });
              await takeIn(verdict);
              refuseUnhealthy(
                verdict,
                `${placeName(instance)} did not become healthy after its restart; the instances after it were left as they are.`,
              );
            } finally {
              draining.heldOut.letIn([instance.id]);
            }
          }
          const write = new Write();
          say(
            write,
            context,
            "restart",
            "app.restarted",
            `Restarted ${current.app}: ${places.length} ${places.length === 1 ? "instance" : "instances"}, one at a time.`,
            {
              instances: String(places.length),
              release: String(current.number),
            },
          );
          return done({ instances: places.map(({ id }) => id) }, write);
        },
      },
    ],
  });

  const scale = defineOperation<ScaleInput>({
    name: "apps.scale",
    queue: processesQueue,
    category: "scale",
    input: scaleInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: true,
    undoesOnFailure: false,
    steps: [
      {
        name: "scale",
        timeoutMs: 30 * 60_000,
        cannotUndo: "The wanted number stays as it was set; scale again to change it.",
        async run(context) {
          const seen = await look(context.input);
          const { process, count, before } = context.input;
          const write = new Write();
          say(write, context, "scale", "app.scaled", `Scaled ${process} of ${context.input.app} from ${before} to ${count}.`, {
            group: process,
            process,
            count: String(count),
            before: String(before),
          });
          // The number is kept for the first deployment.
          if (!seen) return done({ started: 0, stopped: 0 }, write);
          const { current, engine, workload, instances } = seen;
          const scales = await deps.scalesOf(context.input.workspace, context.input.app);
          const difference = differenceOf(current, scales, instances);
          const surplus = instances.filter(({ id }) => difference.surplus.includes(id));
          await drainAndStop(draining, engine, surplus, drainMsOf(current.spec), context.signal);
          await engine.apply(workload, { keepUp: true, signal: context.signal });
          const verdict = await awaitHealthy(clock, engine, workload, {
            signal: context.signal,
            onProgress: context.progress,
            only: (place) => place.process === process && difference.missing.some((missing) => isSamePlace(missing, place)),
          });
          await takeIn(verdict);
          refuseUnhealthy(
            verdict,
            `${process} of ${current.app} is wanted ${count} times, and that stays so, but a new instance did not become healthy.`,
          );
          return done({ started: difference.missing.length, stopped: surplus.length }, write);
        },
      },
    ],
  });

  const reconcile = defineOperation<AppInput>({
    name: "apps.reconcile",
    queue: processesQueue,
    category: "system",
    input: appInput,
    lock: ({ app }) => appLock(app),
    announcesSteps: false,
    undoesOnFailure: false,
    steps: [
      {
        name: "restore",
        timeoutMs: 10 * 60_000,
        cannotUndo: "What should run is what was restored.",
        async run(context) {
          const seen = await look(context.input);
          if (!seen) return skipped("The app has no release in service any more.");
          const { current, engine, workload, instances } = seen;
          const scales = await deps.scalesOf(context.input.workspace, context.input.app);
          const difference = differenceOf(current, scales, instances);
          if (!isDifferent(difference)) return skipped("Everything that should run is there.");
          // A writable volume belongs to one release at a time: the old one goes first.
          const leaving = instances.filter(({ id }) => difference.superseded.includes(id) || difference.surplus.includes(id));
          const stop = () => drainAndStop(draining, engine, leaving, drainMsOf(current.spec), context.signal);
          if (workload.update === "recreate") await stop();
          await engine.apply(workload, { keepUp: true, signal: context.signal });
          if (workload.update === "rolling") await stop();
          await deps.refresh();
          const write = new Write();
          say(write, context, "system", "app.restored", describe(current.app, current.number, difference.missing, leaving), {
            missing: difference.missing.map(placeName).join(","),
            stopped: leaving.map(({ id }) => shortId(id)).join(","),
          });
          return done({ started: difference.missing.length, stopped: leaving.length }, write);
        },
      },
    ],
  });

  return { restart, scale, reconcile };
}

const isSamePlace = (left: Place, right: Place): boolean => left.process === right.process && left.index === right.index;
const byPlace = (left: Instance, right: Instance): number =>
  left.process < right.process ? -1 : left.process > right.process ? 1 : left.index - right.index;

function refuseUnhealthy(verdict: Verdict, what: string): void {
  if (!verdict.healthy) throw notHealthy(`${what} ${verdict.reason}`, { evidence: verdict.evidence });
}

function describe(app: string, release: number, missing: readonly Place[], leaving: readonly Instance[]): string {
  const parts = [
    ...(missing.length > 0 ? [`started ${missing.map(placeName).join(", ")}, which should run and did not`] : []),
    ...(leaving.length > 0 ? [`stopped ${leaving.length} left over from another release or scale`] : []),
  ];
  return `Release ${release} of ${app} is what should run: ${parts.join("; ")}.`;
}
