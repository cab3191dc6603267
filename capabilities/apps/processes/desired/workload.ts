/** A release of an app, as the engines receive it. Pure: two calls with the same release and scales are equal. */
import type { Group, Workload } from "@norns/adapters/engines";
import { updateOf, type EnvMap, type ProcessSpec } from "@norns/capabilities/apps/catalog";
import type { CurrentRelease } from "./current-release.ts";
import type { Scales } from "../processes.ts";

/** What of a release makes its workload. */
export type RunnableRelease = Pick<CurrentRelease, "workspace" | "app" | "release" | "number" | "commit" | "spec" | "artifact">;

export function toWorkload(release: RunnableRelease, scales: Scales): Workload {
  const { spec } = release;
  return {
    workspace: release.workspace,
    app: release.app,
    release: release.release,
    artifact: release.artifact,
    groups: spec.processes.flatMap((process) => toGroup(release, process, scales)),
    update: updateOf(spec),
  };
}

/** Cron and function processes have no instances of their own: they are run when their time comes. */
function toGroup(release: RunnableRelease, process: ProcessSpec, scales: Scales): Group[] {
  if (process.kind !== "service" && process.kind !== "worker") return [];
  const { health } = process;
  return [
    {
      process: process.name,
      kind: process.kind,
      count: countOf(process, scales),
      ...(process.command === undefined ? {} : { command: process.command }),
      env: environmentOf(release, process),
      ...(process.port === undefined ? {} : { port: process.port }),
      health: {
        ...(health.path === undefined ? {} : { path: health.path }),
        intervalMs: health.intervalMs,
        timeoutMs: health.timeoutMs,
        deadlineMs: health.deadlineMs,
      },
      resources: { cpuMhz: process.resources.cpuMhz, memoryMb: process.resources.memoryMb },
      drain: { signal: process.drain.signal, timeoutMs: process.drain.timeoutMs },
      volumes: release.spec.volumes.map(({ name, mount, readOnly, shared }) => ({ name, mount, readOnly, shared })),
    },
  ];
}

/** As scaled by hand, else as the spec says. A process that the spec dropped has no count at all. */
export const countOf = (process: ProcessSpec, scales: Scales): number =>
  Object.hasOwn(scales, process.name) ? scales[process.name]! : process.scaling.min;

/** What Norns says of the release, under the app's own variables. The engine adds NORNS_APP, NORNS_PROCESS, PORT and the volumes. */
export function environmentOf(release: RunnableRelease, process?: ProcessSpec): EnvMap {
  return {
    NORNS_RELEASE_NUMBER: String(release.number),
    NORNS_COMMIT: release.commit,
    ...release.spec.env,
    ...process?.env,
  };
}
