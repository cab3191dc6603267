/**
 * Waits for one release. Only its own instances are looked at, each under its own address, so that an old release that
 * still answers makes nothing healthy. Ends at once when an instance has exited; otherwise at the group's deadline.
 */
import type { Engine, Group, Instance, InstanceExit, Workload } from "@norns/adapters/engines";
import { probeOnce } from "@norns/adapters/engines/health";
import { shortId } from "@norns/capabilities/apps/wire";
import type { Clock } from "@norns/kernel/clock";
import type { InstanceId, ProcessName } from "@norns/kernel/ids";
import type { Look } from "./health.ts";
import { workerAliveMs } from "./health-watch.ts";
import { judge, surelyHealthy, unjudged, type Judgement } from "./judge.ts";
import { placeName, type Place } from "../desired/places.ts";

/** What was seen of an instance that is not healthy: enough to say why without looking further. */
export interface Evidence {
  readonly instance?: InstanceId;
  readonly process: ProcessName;
  readonly index: number;
  readonly address?: string;
  /** The last look from outside: status code and the first 2 KB of the body, or why there was no answer. */
  readonly status?: number;
  readonly body?: string;
  readonly error?: string;
  readonly exit?: InstanceExit;
  /** What the engine can see from inside: `it listens on port 3000, not on 20417, which Norns gave it as PORT`. */
  readonly hint?: string;
  readonly logs: readonly string[];
  readonly waitedMs: number;
}

export type Verdict =
  | { readonly healthy: true; readonly instances: readonly InstanceId[]; readonly waitedMs: number }
  | { readonly healthy: false; readonly reason: string; readonly evidence: readonly Evidence[] };

export interface HealthWait {
  readonly signal: AbortSignal;
  /** Told at each change of an instance: `web.0 answers 503`. */
  readonly onProgress?: (message: string, metadata: Readonly<Record<string, string>>) => void;
  /** Waits for these places only; for every place of the workload when absent. */
  readonly only?: (place: Place) => boolean;
}

/** One wanted place and what has been seen of it so far. */
interface Awaited extends Place {
  readonly group: Group;
  instance: Instance | undefined;
  judgement: Judgement;
  upSince: number | undefined;
  told: string;
}

/** Between two looks. Short at first: most apps are up within a few of these. */
const firstPauseMs = 25;
const longestPauseMs = 500;
/** An instance that was applied and is not to be seen for this long is gone. */
const unseenMs = 5_000;

export async function awaitHealthy(clock: Clock, engine: Engine, workload: Workload, wait: HealthWait): Promise<Verdict> {
  // Measured from a clock that does not jump: a deadline must not pass because the time of day was set.
  const started = performance.now();
  const waitedMs = () => Math.round(performance.now() - started);
  const awaited = workload.groups.flatMap((group) =>
    placesOf(group).filter(({ process, index }) => wait.only?.({ process, index }) ?? true),
  );

  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    wait.signal.throwIfAborted();
    const instances = (await engine.observe(workload)).filter((instance) => instance.release === workload.release);
    await Promise.all(awaited.map((one) => look(one, instances, waitedMs(), wait)));

    if (awaited.every(isUp)) {
      return { healthy: true, instances: awaited.flatMap((one) => (one.instance ? [one.instance.id] : [])), waitedMs: waitedMs() };
    }
    const failed = awaited.filter((one) => hasFailed(one, waitedMs()));
    if (failed.length > 0) {
      const evidence = await Promise.all(failed.map((one) => toEvidence(engine, workload, one, waitedMs(), wait.signal)));
      return { healthy: false, reason: reasonOf(evidence[0]!, failed[0]!), evidence };
    }
    await clock.sleep(pauseMs, wait.signal);
  }
}

const placesOf = (group: Group): Awaited[] =>
  Array.from({ length: group.count }, (_, index) => ({
    group,
    process: group.process,
    index,
    instance: undefined,
    judgement: unjudged,
    upSince: undefined,
    told: "",
  }));

async function look(one: Awaited, instances: readonly Instance[], nowMs: number, wait: HealthWait): Promise<void> {
  const instance = instances.find((candidate) => candidate.process === one.process && candidate.index === one.index);
  if (instance?.handle !== one.instance?.handle || instance?.restarts !== one.instance?.restarts) {
    one.judgement = unjudged;
    one.upSince = undefined;
  }
  one.instance = instance;
  if (instance?.state !== "running") return tell(one, instance?.state ?? "not there yet", wait);

  one.upSince ??= nowMs;
  if (one.group.kind === "worker") {
    if (nowMs - one.upSince >= workerAliveMs) one.judgement = surelyHealthy;
    return tell(one, one.judgement.isHealthy ? "alive" : "running", wait);
  }
  if (!instance.address) return tell(one, "has no address yet", wait);
  const seen: Look = await probeOnce(instance.address, one.group.health, wait.signal);
  wait.signal.throwIfAborted();
  one.judgement = judge(one.judgement, seen);
  tell(one, one.judgement.isHealthy ? "healthy" : describeLook(seen), wait);
}

const isUp = (one: Awaited): boolean => one.instance?.state === "running" && one.judgement.isHealthy === true && one.judgement.bad === 0;

/** Exited is final here: a release that is being judged is not started again. */
function hasFailed(one: Awaited, nowMs: number): boolean {
  if (one.instance?.state === "exited" || one.instance?.state === "lost") return true;
  if (!one.instance) return nowMs > unseenMs;
  return !isUp(one) && nowMs > one.group.health.deadlineMs;
}

function tell(one: Awaited, what: string, wait: HealthWait): void {
  if (what === one.told) return;
  one.told = what;
  const place = placeName(one);
  wait.onProgress?.(`${place}: ${what}`, {
    process: one.process,
    allocId: one.instance ? shortId(one.instance.id) : "",
    node: one.instance ? shortId(one.instance.node) : "",
    allocStatus: one.instance?.state ?? "pending",
    healthy: String(one.judgement.isHealthy === true),
  });
}

const describeLook = (seen: Look): string =>
  seen.status === undefined ? `no answer (${seen.error ?? "unknown reason"})` : `answers ${seen.status}`;

const shownLogLines = 20;
const shownLineLength = 500;

async function toEvidence(engine: Engine, workload: Workload, one: Awaited, waitedMs: number, signal: AbortSignal): Promise<Evidence> {
  const { instance, judgement } = one;
  const seen = judgement.badLook;
  const hint = instance?.state === "running" ? await engine.explain?.(instance.id) : undefined;
  return {
    ...(instance ? { instance: instance.id } : {}),
    process: one.process,
    index: one.index,
    ...(instance?.address ? { address: `${instance.address.host}:${instance.address.port}` } : {}),
    ...(seen?.status === undefined ? {} : { status: seen.status }),
    ...(seen?.body === undefined ? {} : { body: seen.body }),
    ...(seen?.error === undefined ? {} : { error: seen.error }),
    ...(instance?.exit ? { exit: instance.exit } : {}),
    ...(hint === undefined ? {} : { hint }),
    logs: instance ? await lastLines(engine, workload, instance.id, signal) : [],
    waitedMs,
  };
}

async function lastLines(engine: Engine, workload: Workload, instance: InstanceId, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  const { workspace, app } = workload;
  for await (const line of engine.logs({ workspace, app, instance, tail: shownLogLines, follow: false, signal }))
    if ("text" in line) lines.push(line.text.slice(0, shownLineLength));
  return lines;
}

/** The sentence that the person reads first: which instance, what it did, and what to look at. */
function reasonOf(evidence: Evidence, one: Awaited): string {
  const place = placeName(evidence);
  const after = `${(evidence.waitedMs / 1000).toFixed(1)} s`;
  if (evidence.exit) {
    const how = evidence.exit.signal ? `was ended by ${evidence.exit.signal}` : `exited with code ${evidence.exit.code ?? "unknown"}`;
    const why = evidence.exit.reason ? ` (${evidence.exit.reason})` : "";
    return `${place} ${how}${why} after ${after}. Its last log lines are below.`;
  }
  if (!evidence.instance) return `${place} was not to be seen after ${after}.`;
  const { health, port } = one.group;
  const check = health.path ? `GET ${health.path}` : "a TCP connection";
  if (evidence.status !== undefined)
    return `${place} answered ${evidence.status} to ${check} until the deadline of ${health.deadlineMs / 1000} s. Its answer is below.`;
  if (evidence.error !== undefined)
    return `${place} did not answer ${check} on ${evidence.address ?? "its address"} within ${health.deadlineMs / 1000} s: ${evidence.error}. ${evidence.hint ? `What can be seen: ${evidence.hint}.` : `Does it listen on the port in PORT${port === undefined ? "" : ` (in a container: ${port})`}?`}`;
  return `${place} was not healthy after ${after}.`;
}
