/** Which instances there should be, and what is wrong with those there are. Pure. */
import type { Instance } from "@norns/adapters/engines";
import type { InstanceId, ProcessName } from "@norns/kernel/ids";
import type { CurrentRelease } from "./current-release.ts";
import type { Scales } from "../processes.ts";
import { countOf } from "./workload.ts";

/** One place of a group: process and 0-based index. */
export interface Place {
  readonly process: ProcessName;
  readonly index: number;
}

export const placeName = (place: Place): string => `${place.process}.${place.index}`;

export function wantedOf(current: Pick<CurrentRelease, "spec">, scales: Scales): Place[] {
  return current.spec.processes.flatMap((process) =>
    process.kind === "service" || process.kind === "worker"
      ? Array.from({ length: countOf(process, scales) }, (_, index) => ({ process: process.name, index }))
      : [],
  );
}

export interface Difference {
  /** Places without an instance, or whose instance is gone for good. */
  readonly missing: readonly Place[];
  /** Instances of the current release in places that are not wanted. */
  readonly surplus: readonly InstanceId[];
  /** Instances of other releases: an update that ended before its old release was stopped. */
  readonly superseded: readonly InstanceId[];
}

/**
 * Compares what should run with what does. An exited instance counts as missing: whoever keeps it up had its time. An
 * engine's own `planChanges` (adapters/engines/plan.ts) answers what `apply` would do for one release: it knows no other
 * releases, and leaves an exited instance its place.
 */
export function differenceOf(current: CurrentRelease, scales: Scales, instances: readonly Instance[]): Difference {
  const wanted = wantedOf(current, scales);
  const ofRelease = instances.filter((instance) => instance.release === current.release);
  const isAt = (place: Place) => (instance: Instance) => instance.process === place.process && instance.index === place.index;
  const isUp = (instance: Instance) => instance.state !== "lost" && instance.state !== "exited";
  return {
    missing: wanted.filter((place) => !ofRelease.some((instance) => isAt(place)(instance) && isUp(instance))),
    surplus: ofRelease.filter((instance) => !wanted.some((place) => isAt(place)(instance)) && isUp(instance)).map(({ id }) => id),
    superseded: instances.filter((instance) => instance.release !== current.release && isUp(instance)).map(({ id }) => id),
  };
}

export const isDifferent = (difference: Difference): boolean =>
  difference.missing.length + difference.surplus.length + difference.superseded.length > 0;
