/**
 * One neutral description of what should run, for every engine. Made from an app's spec and one release of it; two
 * workloads of the same release are equal.
 */
import type { AppName, InstanceId, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";

/** What a build leaves behind: a read-only directory (process engine) or an image named by digest, never by tag. */
export type Artifact = { readonly kind: "directory"; readonly path: string } | { readonly kind: "image"; readonly image: string };

export interface HealthCheck {
  /** HTTP path; without one a TCP connect is the check. */
  readonly path?: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** From start to the first healthy state; past it the deployment fails. */
  readonly deadlineMs: number;
}

export interface VolumeMount {
  readonly name: string;
  /** Where the app sees it; the process engine, which cannot mount, gives the path in `NORNS_VOLUME_<NAME>` only. */
  readonly mount: string;
  readonly readOnly: boolean;
  readonly shared: boolean;
}

export interface Resources {
  readonly cpuMhz: number;
  readonly memoryMb: number;
}

/** One process of the app: a number of equal instances. */
export interface Group {
  readonly process: ProcessName;
  readonly kind: "service" | "worker";
  readonly count: number;
  /** The user's own command string, handed whole to `sh -c` inside the user's sandbox; the image's own when absent. */
  readonly command?: string;
  /** Spec env, process env, and what Norns adds; the engine adds PORT, HOST and the volume paths. */
  readonly env: Readonly<Record<string, string>>;
  /** The port inside a container. Under the process engine each instance gets a free port as `PORT`. */
  readonly port?: number;
  readonly health: HealthCheck;
  readonly resources: Resources;
  readonly drain: { readonly signal: "SIGTERM" | "SIGINT" | "SIGQUIT" | "SIGHUP" | "SIGUSR1" | "SIGUSR2"; readonly timeoutMs: number };
  readonly volumes: readonly VolumeMount[];
}

export interface Workload {
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly artifact: Artifact;
  readonly groups: readonly Group[];
  /** `rolling`: old and new side by side until the switch. `recreate`: a writable volume forbids two at once. */
  readonly update: "rolling" | "recreate";
}

export type InstanceState = "starting" | "running" | "stopping" | "exited" | "lost";

export interface InstanceExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly at: number;
  /** In words when Norns knows more than the code says: `used 140 MB of 128 MB`, `ended while nobody watched`. */
  readonly reason?: string;
}

export interface Instance {
  readonly id: InstanceId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly process: ProcessName;
  /** 0-based place among the group's instances. */
  readonly index: number;
  readonly node: NodeId;
  readonly state: InstanceState;
  /** Where the instance answers, as the engine gave it. Health checks and ingress reach only this. */
  readonly address?: { readonly host: string; readonly port: number };
  readonly startedAt: number;
  /** How often it was started again after ending by itself. */
  readonly restarts: number;
  readonly exit?: InstanceExit;
  /** pid or container id, for a person. */
  readonly handle: string;
  /**
   * It runs with our marks, but the engine's own records do not know it (they were lost or restored from a backup). It
   * is shown and can be stopped by its id; nothing starts, keeps up or ends it by itself.
   */
  readonly isOrphan?: boolean;
}
