/** Under which names an app is reached. Pure. */
import type { Instance } from "@norns/adapters/engines";
import type { Route, Target } from "@norns/adapters/ingress";
import { defaultProcessOf, type Infraspec } from "@norns/capabilities/apps/catalog";
import type { AppName, InstanceId, ProcessName } from "@norns/kernel/ids";
import type { CurrentRelease } from "../desired/current-release.ts";
import { countOf } from "../desired/workload.ts";
import type { Scales } from "../processes.ts";
import type { Health } from "../health/health.ts";

export interface Hostname {
  readonly hostname: string;
  readonly process: ProcessName;
}

/** `<app>.localhost` and the endpoints for the default process, `<process>.<app>.localhost` for each service. */
export function hostnamesOf(app: AppName, spec: Infraspec): Hostname[] {
  const main = defaultProcessOf(spec);
  if (!main) return [];
  const services = spec.processes.filter((process) => process.kind === "service");
  const names: Hostname[] = [
    { hostname: `${app}.localhost`, process: main.name },
    ...services.map(({ name }) => ({ hostname: `${name}.${app}.localhost`, process: name })),
    ...spec.endpoints.map((endpoint) => ({ hostname: endpoint.hostname, process: endpoint.process ?? main.name })),
  ];
  return names.filter((name, index) => names.findIndex((other) => other.hostname === name.hostname) === index);
}

export interface Traffic {
  readonly instancesOf: (app: AppName) => readonly Instance[];
  readonly healthOf: (instance: InstanceId) => Health;
  /** Taken out for a moment: being restarted, or about to be stopped. */
  readonly isHeldOut: (instance: InstanceId) => boolean;
  readonly scalesOf: (app: AppName) => Scales;
}

/**
 * The routing table. A hostname that two apps claim goes to the app that comes first by name, so that every server
 * decides the same.
 */
export function toRoutes(current: Iterable<CurrentRelease>, traffic: Traffic): Route[] {
  const byHostname = new Map<string, Route>();
  for (const release of [...current].toSorted((left, right) => (left.app < right.app ? -1 : 1))) {
    for (const { hostname, process } of hostnamesOf(release.app, release.spec)) {
      if (byHostname.has(hostname)) continue;
      const targets = targetsOf(release, process, traffic);
      const note = targets.length === 0 ? noteOf(release, process, traffic) : undefined;
      byHostname.set(hostname, { hostname, app: release.app, process, targets, ...(note === undefined ? {} : { note }) });
    }
  }
  return [...byHostname.values()];
}

/** Why nobody answers, as far as it can be seen; anyone may read it. */
function noteOf(current: CurrentRelease, name: ProcessName, traffic: Traffic): string | undefined {
  const process = current.spec.processes.find((candidate) => candidate.name === name);
  if (process && countOf(process, traffic.scalesOf(current.app)) === 0) return "It is scaled to no instances.";
  const coming = traffic
    .instancesOf(current.app)
    .filter((instance) => instance.process === name && (instance.state === "starting" || instance.state === "running"));
  if (coming.some((instance) => instance.release !== current.release)) return "A deployment is under way.";
  const isNew = (instance: Instance) => traffic.healthOf(instance.id).isHealthy === undefined;
  return coming.some(isNew) ? "It is starting." : undefined;
}

/**
 * Healthy instances of the current release. A server that did not make the switch itself has not judged the new ones
 * yet: until it has, the ones it knows go on serving, which the deployment leaves up for that long.
 */
function targetsOf(current: CurrentRelease, process: ProcessName, traffic: Traffic): Target[] {
  const reachable = traffic
    .instancesOf(current.app)
    .filter((instance) => instance.process === process && instance.state === "running" && !traffic.isHeldOut(instance.id));
  const ofRelease = reachable.filter((instance) => instance.release === current.release);
  const isHealthy = (instance: Instance) => traffic.healthOf(instance.id).isHealthy === true;
  const judged = ofRelease.some((instance) => traffic.healthOf(instance.id).isHealthy !== undefined);
  const serving = judged ? ofRelease.filter(isHealthy) : reachable.filter(isHealthy);
  return serving.flatMap((instance) => (instance.address ? [{ instance: instance.id, ...instance.address }] : []));
}
