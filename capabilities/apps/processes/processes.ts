import type { Engine, Instance, LogGap, LogLine, Workload } from "@norns/adapters/engines";
import type { EngineName } from "@norns/capabilities/apps/catalog";
import type { By } from "@norns/capabilities/apps/start-audited";
import type { Write } from "@norns/kernel/database";
import type { AppName, InstanceId, OperationId, ProcessName, WorkspaceId } from "@norns/kernel/ids";
import type { AnyOperation } from "@norns/kernel/ledger";
import type { HealthWait, Verdict } from "./health/await-healthy.ts";
import type { AppStatus } from "./contract.ts";
import type { CurrentRelease } from "./desired/current-release.ts";

/** The engines this server has. An app whose engine is missing is shown and left alone; acting on it is `engine_unavailable`. */
export type Engines = Readonly<Partial<Record<EngineName, Engine>>>;

/** Instances wanted a process, as scaled by hand; processes not named have their spec's `scaling.min`. */
export type Scales = Readonly<Record<string, number>>;

export interface LogFilter {
  readonly process?: ProcessName | undefined;
  /** An instance's id, or the eight characters that `allocations` shows. */
  readonly instance?: string | undefined;
  readonly tail?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly cursors?: readonly string[] | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** A current release that stopped being healthy, told once a turn from healthy to unhealthy. */
export interface HealthTurn {
  readonly current: CurrentRelease;
  readonly reason: string;
}

export interface Processes {
  /** Exactly what the app's page shows. Throws `app_not_found`. */
  getStatus(workspace: WorkspaceId, app: string): Promise<AppStatus>;
  /** The JSON text of the workspace's `AppStatus[]` by name; rendered once a change, so that a request costs a look-up. */
  listStatusesJson(workspace: WorkspaceId): Promise<string>;
  listStatuses(workspace: WorkspaceId): Promise<readonly AppStatus[]>;

  /** Restarts every instance, one at a time, each healthy before the next. 404 without the app, conflict `not_deployed`. */
  restartApp(by: By, app: string): Promise<OperationId>;
  /** Keeps the wanted number of instances of one process, over deploys too, and makes it so. */
  scaleApp(by: By, app: string, to: { process: string; count: number }): Promise<OperationId>;
  /** Lines of all instances, those of ended ones included, merged by time. Ends with the signal, or at the end without `follow`. */
  readLogs(workspace: WorkspaceId, app: string, filter: LogFilter): Promise<AsyncIterable<LogLine | LogGap>>;

  // For deployments ------------------------------------------------------------------------------------------------

  findCurrent(workspace: WorkspaceId, app: AppName): Promise<CurrentRelease | null>;
  listCurrent(): Promise<readonly CurrentRelease[]>;
  scalesOf(workspace: WorkspaceId, app: AppName): Promise<Scales>;
  /** The switch: adds to the write that this release is what should run, and tells this process after the commit. */
  makeCurrent(write: Write, next: CurrentRelease): void;
  /** Adds to the write that nothing of the app should run, and that its scales are forgotten. */
  dropCurrent(write: Write, workspace: WorkspaceId, app: AppName): void;
  readonly engines: Engines;
  /**
   * The app's instances on every engine: it may have moved from one to another. An engine that is away is passed over
   * unless the app's current release, or an instance last seen, is with it: then `unavailable`.
   */
  observeApp(
    workspace: WorkspaceId,
    app: AppName,
  ): Promise<readonly { readonly engine: Engine; readonly instances: readonly Instance[] }[]>;
  /** Throws `engine_unavailable` (unavailable). */
  engineOf(name: EngineName): Engine;
  /** Waits until every wanted instance of exactly this workload's release is healthy, or one of them shows that it will not be. */
  awaitHealthy(engine: Engine, workload: Workload, wait: HealthWait): Promise<Verdict>;
  /** Reads desired state, asks the engines and sets the routes, now. */
  refresh(): Promise<void>;
  /** Out of routing, in-flight requests done (or `drain.timeout`), then stopped by the engine. Harmless to repeat. */
  drainAndStop(
    engine: Engine,
    instances: readonly { id: InstanceId; process: ProcessName }[],
    drainMs: (process: ProcessName) => number,
    signal: AbortSignal,
  ): Promise<void>;
  /** Called each time a current release turns unhealthy. Returns the way to stop. */
  onUnhealthy(callback: (turn: HealthTurn) => void): () => void;
  /** These were just seen healthy by whoever waited for them: they are routed to from the switch on, without a second look. */
  trust(instances: readonly InstanceId[]): void;

  readonly operations: readonly AnyOperation[];
  /**
   * The watcher: observes the engines, probes health, feeds the ingress, keeps current releases running. Resolves when
   * the first look is over and routes are set; goes on until the signal aborts.
   */
  start(signal: AbortSignal): Promise<void>;
}
