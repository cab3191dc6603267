/** An app's page: its spec, what should run of it and what does. Pure. */
import type { Instance } from "@norns/adapters/engines";
import { toSpecJson, type App } from "@norns/capabilities/apps/catalog";
import { shortId } from "@norns/capabilities/apps/wire";
import type { InstanceId } from "@norns/kernel/ids";
import type { Allocation, AppStatus } from "../contract.ts";
import type { CurrentRelease } from "../desired/current-release.ts";
import type { Health } from "../health/health.ts";
import { hostnamesOf } from "../routing/hostnames.ts";
import type { Scales } from "../processes.ts";
import { wantedOf } from "../desired/places.ts";

export interface Observation {
  readonly instances: readonly Instance[];
  readonly healthOf: (instance: InstanceId) => Health;
  readonly nodeName: string;
}

export function toAppStatus(app: App, current: CurrentRelease | undefined, scales: Scales, seen: Observation): AppStatus {
  const spec = current?.spec ?? app.spec;
  const allocations = seen.instances.toSorted(byPlace(current)).map((instance) => toAllocation(instance, current, seen));
  return {
    spec: app.spec ? toSpecJson(app.spec) : spec ? toSpecJson(spec) : { name: app.name },
    nomadStatus: nomadStatusOf(current, seen.instances),
    healthy: isAppHealthy(current, scales, seen),
    allocations,
    allocationSummary: summarise(allocations),
    engine: current?.engine ?? app.engine,
    isDeployed: current !== undefined,
    isValid: app.isValid,
    isAbsent: app.isAbsent,
    ...(current
      ? {
          release: {
            id: current.release,
            number: current.number,
            commit: current.commit,
            switchedAt: new Date(current.switchedAt).toISOString(),
          },
        }
      : {}),
    desired: current ? desiredCounts(current, scales) : {},
    hostnames: spec ? hostnamesOf(app.name, spec).map((name) => name.hostname) : [],
  };
}

/** Every wanted instance of the current release is there and healthy. An app that wants none is healthy once it is deployed. */
export function isAppHealthy(
  current: CurrentRelease | undefined,
  scales: Scales,
  seen: Pick<Observation, "instances" | "healthOf">,
): boolean {
  if (!current) return false;
  return wantedOf(current, scales).every((place) =>
    seen.instances.some(
      (instance) =>
        instance.release === current.release &&
        instance.process === place.process &&
        instance.index === place.index &&
        instance.state === "running" &&
        seen.healthOf(instance.id).isHealthy === true,
    ),
  );
}

export function desiredCounts(current: CurrentRelease, scales: Scales): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const process of current.spec.processes) if (process.kind === "service" || process.kind === "worker") counts[process.name] = 0;
  for (const { process } of wantedOf(current, scales)) counts[process] = (counts[process] ?? 0) + 1;
  return counts;
}

function nomadStatusOf(current: CurrentRelease | undefined, instances: readonly Instance[]): AppStatus["nomadStatus"] {
  if (!current && instances.length === 0) return "";
  if (instances.some((instance) => instance.state === "running" || instance.state === "stopping")) return "running";
  if (instances.some((instance) => instance.state === "starting")) return "pending";
  const wantsNone = current && current.spec.processes.every((process) => process.kind === "cron" || process.kind === "function");
  return wantsNone ? "running" : "dead";
}

const clientStatus = (instance: Instance): Allocation["status"] => {
  switch (instance.state) {
    case "starting":
      return "pending";
    case "running":
    case "stopping":
      return "running";
    case "lost":
      return "lost";
    case "exited":
      return instance.exit?.code === 0 ? "complete" : "failed";
  }
};

function toAllocation(instance: Instance, current: CurrentRelease | undefined, seen: Observation): Allocation {
  const status = clientStatus(instance);
  const health = seen.healthOf(instance.id);
  const isUp = status === "running" || status === "pending";
  return {
    id: shortId(instance.id),
    instanceId: instance.id,
    taskGroup: instance.process,
    process: instance.process,
    index: instance.index,
    status,
    lifecycle: isUp ? "active" : "retained",
    state: instance.state,
    ...(isUp && health.isHealthy !== undefined ? { healthy: health.isHealthy } : isUp ? {} : { healthy: false }),
    nodeId: shortId(instance.node),
    nodeAddress: instance.address?.host ?? "",
    nodeName: seen.nodeName,
    nodeProvider: "local",
    nodeRegion: "",
    ...(instance.address ? { address: `${instance.address.host}:${instance.address.port}` } : {}),
    release: instance.release,
    isCurrent: instance.release === current?.release,
    startedAt: new Date(instance.startedAt).toISOString(),
    restarts: instance.restarts,
    ...(instance.exit ? { exit: { ...instance.exit } } : {}),
    ...(health.badLook ? { evidence: health.badLook } : {}),
    handle: instance.handle,
  };
}

function summarise(allocations: readonly Allocation[]): AppStatus["allocationSummary"] {
  const none = () => ({ running: 0, active: 0, retained: 0, total: 0 });
  const all = none();
  const byProcess: Record<string, ReturnType<typeof none>> = {};
  const byStatus: Record<string, number> = {};
  for (const { process, status, lifecycle } of allocations) {
    for (const counts of [all, (byProcess[process] ??= none())]) {
      counts.total++;
      counts[lifecycle]++;
      if (status === "running") counts.running++;
    }
    byStatus[status] = (byStatus[status] ?? 0) + 1;
  }
  return { ...all, byProcess, byStatus };
}

/** Current release first, then by process and place. */
const byPlace = (current: CurrentRelease | undefined) => (left: Instance, right: Instance) =>
  Number(right.release === current?.release) - Number(left.release === current?.release) ||
  compare(left.process, right.process) ||
  left.index - right.index ||
  compare(left.id, right.id);

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
