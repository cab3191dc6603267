/**
 * Where apps and agents run. Every method may be called twice with the same input and means it once: an engine finds
 * what it made by its labels (workspace, app, release, process, index), never by remembering.
 */
import type { AppName, InstanceId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { Artifact, Instance, Workload } from "./workload.ts";

/** Those that exist. An infraspec calls them by the same names. */
export type EngineName = "process" | "docker";

export interface Support {
  readonly isAvailable: boolean;
  /** Why it is not, and what to do, in one sentence. */
  readonly reason?: string;
  /** How far instances are kept apart here, in words for a person: `own user, RSS watchdog; no namespaces`. */
  readonly isolation: readonly string[];
  readonly artifact: Artifact["kind"];
}

export interface AppRef {
  readonly workspace: WorkspaceId;
  readonly app: AppName;
}

/** What `plan` answers: what `apply` and `remove` would do. */
export type Change =
  | { readonly kind: "start"; readonly process: ProcessName; readonly index: number }
  | { readonly kind: "keep"; readonly instance: InstanceId }
  | { readonly kind: "stop"; readonly instance: InstanceId };

export interface LogLine {
  readonly at: number;
  readonly stream: "stdout" | "stderr" | "system";
  readonly process: ProcessName;
  readonly instance: InstanceId;
  readonly text: string;
  /** `instance:segment:offset` of the END of this line: resuming from it continues with the next one. */
  readonly cursor: string;
}

/** Lines that were written and are not kept: rotated away, or dropped on a full disk. */
export interface LogGap {
  readonly gap: { readonly instance: InstanceId; readonly process: ProcessName; readonly bytes?: number; readonly reason: string };
  readonly cursor: string;
}

export interface LogQuery extends AppRef {
  readonly process?: ProcessName;
  readonly instance?: InstanceId;
  readonly release?: ReleaseId;
  /** The last n lines, merged by time; all when absent. */
  readonly tail?: number;
  /** Only lines at or after this time. */
  readonly since?: number;
  /** Continue after these cursors, one an instance (`Last-Event-ID` carries them joined by commas). */
  readonly cursors?: readonly string[];
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** Receives what a build or a one-off command prints, as it prints it. */
export type OutputSink = (stream: "stdout" | "stderr", chunk: Uint8Array) => void;

export interface BuildRequest extends AppRef {
  readonly release: ReleaseId;
  /** A directory of ours with the source at the commit; the engine may write into it. */
  readonly source: string;
  readonly commit: string;
  readonly dockerfile?: string;
  /** An image that somebody else built, by any reference: fetched if need be, and answered by its digest. */
  readonly image?: string;
  /** The user's own build command, for engines that run directories. */
  readonly command?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly output: OutputSink;
  readonly signal: AbortSignal;
}

/** A one-off command of the user in the user's sandbox: `build.test`, `migrations`. */
export interface RunRequest extends AppRef {
  readonly release: ReleaseId;
  readonly artifact: Artifact;
  /** Handed whole to `sh -c`. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly volumes: Workload["groups"][number]["volumes"];
  readonly timeoutMs: number;
  readonly output: OutputSink;
  readonly signal: AbortSignal;
}

export interface InstanceStats {
  readonly instance: InstanceId;
  readonly memoryBytes: number;
  /** CPU time used since it started, in milliseconds. */
  readonly cpuMs: number;
}

export interface Engine {
  readonly name: EngineName;
  support(): Promise<Support>;
  /** Makes the artifact, or finds it made: same release, same artifact. `command_failed` (invalid) when the build fails. */
  build(request: BuildRequest): Promise<Artifact>;
  /** Runs to the end; resolves with the exit code, throws when it could not run, ran out of time or printed too much. */
  runOnce(request: RunRequest): Promise<{ exitCode: number }>;
  /** Pure: what `apply` would start and what is too many, given what runs. */
  plan(workload: Workload, running: readonly Instance[]): readonly Change[];
  /**
   * Makes the instances of THIS release be there: starts what is missing, stops what is above the count. Touches no
   * other release. `keepUp` true: an instance that ends is started again with back-off; false (a deployment still
   * being judged): an early exit stays visible.
   */
  apply(workload: Workload, options: { keepUp: boolean; signal: AbortSignal }): Promise<readonly Instance[]>;
  /** What is there now, of one app or of all. Asks the outside, every time. */
  observe(of?: AppRef): Promise<readonly Instance[]>;
  /** Stops (drain signal, then kill) and removes the instances named, keeping volumes and logs. */
  stop(instances: readonly InstanceId[], options: { signal: AbortSignal }): Promise<void>;
  /** Stops one instance and starts it again in its place, same id. */
  restart(instance: InstanceId, options: { signal: AbortSignal }): Promise<Instance>;
  /** Removes an artifact that no kept release names. Never a volume. */
  removeArtifact(artifact: Artifact): Promise<void>;
  logs(query: LogQuery): AsyncIterable<LogLine | LogGap>;
  stats(instances: readonly InstanceId[]): Promise<readonly InstanceStats[]>;
  /**
   * Why an instance that runs may not answer, in one sentence, when the engine can see it: `it listens on port 3000, not
   * on 20417, which Norns gave it as PORT`. Asked after a failed health check.
   */
  explain?(instance: InstanceId): Promise<string | undefined>;
  /** Calls back whenever an instance starts, ends or changes; may call too often, never too seldom for long (1 s). */
  watch(onChange: () => void, signal: AbortSignal): void;
  close(): Promise<void>;
}
