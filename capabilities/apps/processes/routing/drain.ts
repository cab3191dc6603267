/**
 * Taking instances out of service without dropping a request: out of the routing tables, in-flight requests done, then
 * stopped by the engine (drain signal, time to finish, kill).
 */
import type { Engine, Instance } from "@norns/adapters/engines";
import type { Ingress } from "@norns/adapters/ingress";
import type { Infraspec } from "@norns/capabilities/apps/catalog";
import type { Clock } from "@norns/kernel/clock";
import type { InstanceId, ProcessName } from "@norns/kernel/ids";
import type { HeldOut } from "./held-out.ts";

export interface Draining {
  readonly heldOut: HeldOut;
  readonly ingresses: readonly Ingress[];
  readonly clock: Clock;
  /** For the routing tables of other server processes; 0 when there are none. */
  readonly otherServersMs: number;
}

/** `drain.timeout` of a process. */
export type DrainMs = (process: ProcessName) => number;

/** For a process that a newer spec no longer has. */
const usualDrainMs = 10_000;

export const drainMsOf =
  (spec: Infraspec): DrainMs =>
  (process) =>
    spec.processes.find(({ name }) => name === process)?.drain.timeoutMs ?? usualDrainMs;

/** Out of routing and done with what it had. The instances stay held out until the caller lets them back in. */
export async function drain(
  to: Draining,
  instances: readonly Pick<Instance, "id" | "process">[],
  drainMs: DrainMs,
  signal: AbortSignal,
): Promise<void> {
  to.heldOut.add(instances.map(({ id }) => id));
  if (instances.length === 0) return;
  if (to.otherServersMs > 0) await to.clock.sleep(to.otherServersMs, signal);
  await Promise.all(instances.flatMap(({ id, process }) => to.ingresses.map((ingress) => ingress.drained(id, drainMs(process)))));
  signal.throwIfAborted();
}

export async function drainAndStop(
  to: Draining,
  engine: Engine,
  instances: readonly Pick<Instance, "id" | "process">[],
  drainMs: DrainMs,
  signal: AbortSignal,
): Promise<void> {
  await drain(to, instances, drainMs, signal);
  const ids: InstanceId[] = instances.map(({ id }) => id);
  if (ids.length > 0) await engine.stop(ids, { signal });
}
