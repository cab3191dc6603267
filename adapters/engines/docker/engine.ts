/**
 * The Docker engine. It remembers nothing that matters: what is there is what the daemon lists under our labels, so a
 * server that was killed anywhere, a second server, and a restarted daemon all see the same.
 */
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@norns/kernel/clock";
import { invalid, notFound } from "@norns/kernel/errors";
import { type AppName, type InstanceId, newId, type NodeId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import { readLogs } from "../journal/index.ts";
import { planChanges } from "../plan.ts";
import type { AppRef, Engine, InstanceStats } from "../port.ts";
import type { Group, Instance, VolumeMount, Workload } from "../workload.ts";
import { findContainer, halt } from "./halt.ts";
import { buildImage, removeImage } from "./images.ts";
import { installationOf } from "./installation.ts";
import { listenersOf, toExplanation } from "./listening.ts";
import { createLogCollecting } from "./log-collecting.ts";
import { ensureNetwork, removeNetworkIfUnused } from "./networks.ts";
import { type Inspected, toInstance } from "./observe.ts";
import { containerName, labels, type Place, restartPolicy, toCreateBody, volumePath } from "./requests.ts";
import { removeAbandonedRuns, removeContainer, runInContainer } from "./run-once.ts";
import { findReach, statsOf, supportOf } from "./support.ts";
import { createDaemon, DaemonRefusal, isRefusal } from "./transport.ts";
import { createWatch } from "./watch.ts";

export interface DockerEngineOptions {
  /** `/var/run/docker.sock` when absent. */
  readonly socketPath?: string;
  readonly node: NodeId;
  /** NORNS_HOME: volumes, logs, and the name under which this installation labels its containers. */
  readonly home: string;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * `address`: instances are reached at their own address in the app's network, which works where the daemon is the
   * machine's own. `published`: at a free port of 127.0.0.1, for daemons in a virtual machine. Found out when absent.
   */
  readonly reach?: "address" | "published";
}

interface Found {
  readonly containerId: string;
  readonly inspected: Inspected;
  readonly instance: Instance;
}

export function createDockerEngine(options: DockerEngineOptions): Engine {
  const socketPath = options.socketPath ?? "/var/run/docker.sock";
  const daemon = createDaemon(socketPath);
  const { clock, log, home } = options;
  const place: Place = { installation: installationOf(home), node: options.node, home };
  const stopping = new Set<InstanceId>();
  const queues = new Map<string, Promise<void>>();
  const logs = createLogCollecting({ home, daemon, clock, log });
  const watching = createWatch({ daemon, clock, log, installation: place.installation, onChange: refresh });
  let reach: Promise<"address" | "published"> | undefined;
  let isClosed = false;
  let cleaned: Promise<void> | undefined;

  /** One change of an app at a time in this process; between processes the container's name decides. */
  async function inTurn<T>(app: AppName, work: () => Promise<T>): Promise<T> {
    const before = queues.get(app) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(
      () => {},
      () => {},
    );
    queues.set(app, settled);
    void settled.then(() => queues.get(app) === settled && queues.delete(app));
    return mine;
  }

  async function refresh(): Promise<void> {
    if (!isClosed) await find();
  }

  /** What is there now. Collecting follows from it. */
  async function find(of?: Partial<AppRef> & { instance?: InstanceId }): Promise<readonly Found[]> {
    watching.start();
    const label = [`${labels.installation}=${place.installation}`, `${labels.kind}=instance`];
    if (of?.workspace !== undefined) label.push(`${labels.workspace}=${of.workspace}`);
    if (of?.app !== undefined) label.push(`${labels.app}=${of.app}`);
    if (of?.instance !== undefined) label.push(`${labels.instance}=${of.instance}`);
    const listed = await daemon.call<readonly { Id: string }[]>("GET", "/containers/json", { query: { all: true, filters: { label } } });
    const found = (await Promise.all(listed.map(({ Id }) => inspect(Id)))).filter((one) => one !== undefined);
    if (!isClosed) logs.follow(found, of === undefined);
    return found;
  }

  async function inspect(containerId: string): Promise<Found | undefined> {
    const inspected = await findContainer(daemon, containerId);
    const instance = inspected && toInstance(inspected, place, (id) => stopping.has(id));
    return inspected === undefined || instance === undefined ? undefined : { containerId, inspected, instance };
  }

  async function observe(of?: AppRef): Promise<readonly Instance[]> {
    const found = await find(of);
    // "Exited" is said when the last lines can be read: whoever asks why it ended reads them next.
    await Promise.all(
      found
        .filter(({ instance }) => instance.state === "exited")
        .map(({ containerId, instance }) => logs.drained(containerId, instance.exit?.at)),
    );
    return found
      .map(({ instance }) => instance)
      .sort((a, b) => (a.process === b.process ? a.index - b.index : a.process < b.process ? -1 : 1));
  }

  function reachOf(): Promise<"address" | "published"> {
    if (options.reach !== undefined) return Promise.resolve(options.reach);
    reach ??= findReach(daemon);
    reach.catch(() => (reach = undefined));
    return reach;
  }

  async function apply(workload: Workload, how: { keepUp: boolean; signal: AbortSignal }): Promise<readonly Instance[]> {
    return inTurn(workload.app, async () => {
      how.signal.throwIfAborted();
      const of = { workspace: workload.workspace, app: workload.app };
      const found = await find(of);
      const changes = planChanges(
        workload,
        found.map(({ instance }) => instance),
      );
      const surplus = changes.flatMap((change) =>
        change.kind === "stop" ? found.filter(({ instance }) => instance.id === change.instance) : [],
      );
      await Promise.all(
        changes.map(async (change) => {
          if (change.kind === "keep")
            await keep(
              found.find(({ instance }) => instance.id === change.instance)!,
              how,
            );
          if (change.kind === "start")
            await start(
              workload,
              workload.groups.find((group) => group.process === change.process)!,
              change.index,
              how,
            );
        }),
      );
      await Promise.all(surplus.map((one) => end(one, how.signal)));
      return (await find(of)).map(({ instance }) => instance).filter((instance) => instance.release === workload.release);
    });
  }

  async function keep({ containerId, inspected, instance }: Found, how: { keepUp: boolean; signal: AbortSignal }): Promise<void> {
    const policy = restartPolicy(how.keepUp);
    if (inspected.HostConfig.RestartPolicy?.Name !== policy.Name)
      await daemon.call("POST", `/containers/${containerId}/update`, { body: { RestartPolicy: policy } });
    // Made and never started: whoever made it died between the two. Ended by itself: only who is kept up starts again.
    if (instance.state === "starting" || (instance.state === "exited" && how.keepUp && inspected.State.Status !== "restarting"))
      await startContainer(containerId);
  }

  async function start(workload: Workload, group: Group, index: number, how: { keepUp: boolean; signal: AbortSignal }): Promise<void> {
    how.signal.throwIfAborted();
    await ensureVolumes(workload.app, group.volumes);
    const network = await ensureNetwork(daemon, place, workload.app);
    const body = toCreateBody(
      workload,
      group,
      index,
      { instance: newId("InstanceId"), network, keepUp: how.keepUp, reach: await reachOf() },
      place,
    );
    const name = containerName(place, workload, group, index);
    for (let tries = 0; ; tries++) {
      try {
        const { Id } = await daemon.call<{ Id: string }>("POST", "/containers/create", { query: { name }, body });
        return await startContainer(Id);
      } catch (thrown) {
        if (isRefusal(thrown, 404))
          throw invalid(
            "artifact_missing",
            `The image of release ${workload.release} of ${workload.app} is no longer there. Deploy again.`,
            { cause: thrown },
          );
        if (!isRefusal(thrown, 409) || tries > 20) throw thrown;
        // Another server was quicker (then its container is the one), or a dead container still has the name.
        const other = await findNamed(name);
        if (other !== undefined && other.instance.state !== "lost" && other.instance.state !== "stopping") return;
        if (other?.instance.state === "lost") await removeContainer(daemon, other.containerId);
        await clock.sleep(100, how.signal);
      }
    }
  }

  const findNamed = (name: string): Promise<Found | undefined> => inspect(name);

  async function startContainer(containerId: string): Promise<void> {
    try {
      await daemon.call("POST", `/containers/${containerId}/start`, { timeoutMs: 120_000 });
    } catch (thrown) {
      // The app's own fault (no such program in the image): an early exit, which `observe` shows with its reason.
      const isOwnFault =
        thrown instanceof DaemonRefusal && (thrown.status === 400 || /OCI runtime|executable file|no such file/i.test(thrown.message));
      if (!isOwnFault && !isRefusal(thrown, 304, 404)) throw thrown;
    }
  }

  /** Directories of ours, entered by the container's own user whoever that is; their parent lets nobody else in. */
  async function ensureVolumes(app: AppName, volumes: readonly VolumeMount[]): Promise<void> {
    for (const volume of volumes) {
      const path = volumePath(home, app, volume.name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const made = await mkdir(path, { recursive: true });
      if (made !== undefined) await chmod(path, 0o777);
    }
  }

  async function stop(instances: readonly InstanceId[], how: { signal: AbortSignal }): Promise<void> {
    const wanted = new Set(instances);
    const found = (await find()).filter(({ instance }) => wanted.has(instance.id));
    await Promise.all(found.map((one) => end(one, how.signal)));
  }

  /** Drain signal, the time it was promised, the end; then the last lines, then the container. */
  async function end({ containerId, instance }: Found, signal: AbortSignal): Promise<void> {
    stopping.add(instance.id);
    try {
      await halt(daemon, clock, containerId, signal);
      await logs.drained(containerId);
      await removeContainer(daemon, containerId);
      await logs.retire(containerId);
    } finally {
      stopping.delete(instance.id);
    }
    await removeNetworkIfUnused(daemon, place, instance.app);
  }

  async function restart(id: InstanceId, how: { signal: AbortSignal }): Promise<Instance> {
    const [first] = await find({ instance: id });
    if (first === undefined)
      throw notFound("instance_not_found", "There is no such instance any more. Look at the app's status for those there are.");
    return inTurn(first.instance.app, async () => {
      const { containerId, inspected } = first;
      await halt(daemon, clock, containerId, how.signal);
      await logs.drained(containerId);
      await daemon.call("POST", `/containers/${containerId}/update`, {
        body: { RestartPolicy: { Name: inspected.HostConfig.RestartPolicy?.Name || "no" } },
      });
      await startContainer(containerId);
      const [after] = await find({ instance: id });
      if (after === undefined) throw notFound("instance_not_found", "The instance was removed while it was restarted.");
      return after.instance;
    });
  }

  async function stats(instances: readonly InstanceId[]): Promise<readonly InstanceStats[]> {
    const wanted = new Set(instances);
    const found = (await find()).filter(({ instance }) => wanted.has(instance.id) && instance.state === "running");
    const all = await Promise.all(found.map(({ containerId, instance }) => statsOf(daemon, containerId, instance.id)));
    return all.filter((one) => one !== undefined);
  }

  async function explain(id: InstanceId): Promise<string | undefined> {
    const [found] = await find({ instance: id });
    const port = found?.inspected.Config.Labels?.[labels.port];
    if (found === undefined || port === undefined || found.instance.state !== "running" || found.inspected.State.Pid === 0)
      return undefined;
    const listeners = await listenersOf(found.inspected.State.Pid);
    return listeners === undefined ? undefined : toExplanation(listeners, Number(port));
  }

  return {
    name: "docker",
    support: () => supportOf(daemon),
    build: (request) => buildImage(daemon, place, socketPath, request),
    runOnce: async (request) => {
      cleaned ??= removeAbandonedRuns(daemon, place);
      cleaned.catch(() => (cleaned = undefined));
      await cleaned;
      await ensureVolumes(request.app, request.volumes);
      const network = await ensureNetwork(daemon, place, request.app);
      try {
        return await runInContainer(daemon, place, network, request);
      } finally {
        await removeNetworkIfUnused(daemon, place, request.app);
      }
    },
    plan: planChanges,
    apply,
    observe,
    stop,
    restart,
    removeArtifact: (artifact) => removeImage(daemon, place, artifact),
    logs: (query) => readLogs(home, query),
    stats,
    explain,
    watch: (onChange, signal) => watching.add(onChange, signal),
    close: async () => {
      isClosed = true;
      await watching.close();
      await logs.close();
      daemon.close();
    },
  };
}
