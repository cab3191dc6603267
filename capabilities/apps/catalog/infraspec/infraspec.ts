/**
 * An app's spec as the rest of Norns reads it: every default filled in, durations in milliseconds, nothing but plain
 * JSON inside (so a release keeps it with `JSON.stringify`). The words are those of the file, with units added.
 */
import type { Artifact, EngineName } from "@norns/adapters/engines";
import type { AppName, ProcessName } from "@norns/kernel/ids";

export type { EngineName };

/** The engines an app can name, and what each of them runs. */
const runs: Readonly<Record<EngineName, Artifact["kind"]>> = { process: "directory", docker: "image" };
/** Which one runs it where the app names none. */
const usualEngine: Readonly<Record<Artifact["kind"], EngineName>> = { directory: "process", image: "docker" };

// The cast restores what `Object.keys` forgets.
export const engineNames = Object.keys(runs) as readonly EngineName[];
export const runsImages = (engine: EngineName): boolean => runs[engine] === "image";

export const drainSignals = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;
export type DrainSignal = (typeof drainSignals)[number];

/** Inferred: `function` makes a function, `schedule` a cron, `port` a service; anything else is a worker. */
export type ProcessKind = "service" | "worker" | "cron" | "function";

export type EnvMap = Readonly<Record<string, string>>;

export interface ProcessSpec {
  readonly name: ProcessName;
  readonly kind: ProcessKind;
  readonly port?: number;
  /** The user's own command string; the image's own when absent. */
  readonly command?: string;
  /** Five or six cron fields, read in `timezone`. */
  readonly schedule?: string;
  readonly timezone: string;
  readonly function?: { readonly timeoutMs: number; readonly memoryMb?: number };
  /** Without `path` a TCP connect to the port is the check, and without a port five seconds of life. */
  readonly health: {
    readonly path?: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly deadlineMs: number;
  };
  readonly metrics?: { readonly enabled: boolean; readonly path: string; readonly port?: number };
  readonly scaling: {
    /** The number of instances of a fresh app; a later scale by hand is kept elsewhere. 0 is allowed. */
    readonly min: number;
    readonly max?: number;
    readonly perRegion?: number;
    readonly auto?: { readonly metric: string; readonly target: number; readonly topic?: string };
  };
  readonly drain: { readonly signal: DrainSignal; readonly timeoutMs: number };
  readonly resources: { readonly cpuMhz: number; readonly memoryMb: number };
  readonly canary?: { readonly count: number; readonly evaluateAfterMs: number };
  readonly tuning?: {
    readonly mode: "advisory" | "auto";
    readonly cooldownMs?: number;
    readonly profiles: Readonly<Record<string, { readonly cpuMhz?: number; readonly memoryMb?: number }>>;
    readonly limits?: { readonly min?: number; readonly max?: number };
    readonly signals: readonly { readonly source: "nomad" | "prometheus" | "app"; readonly metric: string }[];
  };
  /** Already over the app's `env`: what this process gets on top of it. */
  readonly env: EnvMap;
}

export interface VolumeSpec {
  readonly name: string;
  readonly mount: string;
  readonly readOnly: boolean;
  /** Old and new instances, and several processes, may write at the same time; without it updates are `recreate`. */
  readonly shared: boolean;
}

export interface EndpointSpec {
  /** As written: `https://shop.example.com`. */
  readonly url: string;
  /** The host of `url`: lower case, punycode, no port. */
  readonly hostname: string;
  readonly region?: string;
  /** Which process answers; the app's default process when absent. */
  readonly process?: ProcessName;
}

export interface BucketSpec {
  readonly name: string;
  readonly access: "readOnly" | "readWrite" | "owner";
  readonly public: boolean;
  readonly prefix?: string;
  readonly env?: string;
}

export interface Infraspec {
  readonly name: AppName;
  /** False: the app is not offered and cannot be deployed. */
  readonly deploy: boolean;
  /** As written; `engineOf(spec)` says which one is used. */
  readonly engine?: EngineName;
  /** A ready-made image to run; nothing is built. */
  readonly image?: string;
  readonly repo?: {
    readonly url: string;
    readonly branch: string;
    readonly autoDeploy: boolean;
    readonly repoWeb?: string;
  };
  readonly build?: { readonly dockerfile?: string; readonly command?: string; readonly test?: string };
  /** In the order of the file; at least one. */
  readonly processes: readonly ProcessSpec[];
  readonly services: readonly string[];
  /** Declared secret keys. */
  readonly secrets: readonly string[];
  readonly migrations?: string;
  readonly env: EnvMap;
  readonly infrastructure: {
    readonly postgres?: { readonly database: string };
    readonly redis?: { readonly namespace?: string };
    readonly kafka?: { readonly topics: readonly string[] };
    readonly nats?: { readonly streams: readonly string[] };
    readonly objectStorage?: { readonly provider: string; readonly buckets: readonly BucketSpec[] };
  };
  readonly endpoints: readonly EndpointSpec[];
  readonly volumes: readonly VolumeSpec[];
  readonly snapshots: {
    readonly keep: number;
    readonly preRestore: boolean;
    readonly retentionEnabled: boolean;
    readonly exportBucket?: string;
  };
  readonly deployPolicy: { readonly autoRollback: boolean };
}

/** The engine the app runs on: the one it names; else the usual one for an image or a Dockerfile, or for a directory. */
export function engineOf(spec: Infraspec): EngineName {
  if (spec.engine) return spec.engine;
  return usualEngine[spec.image !== undefined || spec.build?.dockerfile !== undefined ? "image" : "directory"];
}

/** The process that answers under the app's own name: `web`, else the first service by name. */
export function defaultProcessOf(spec: Infraspec): ProcessSpec | undefined {
  const services = spec.processes.filter((process) => process.kind === "service");
  return services.find((process) => process.name === "web") ?? services.toSorted((left, right) => (left.name < right.name ? -1 : 1))[0];
}

/** A writable volume that is not `shared` forbids old and new instances side by side. */
export const updateOf = (spec: Infraspec): "rolling" | "recreate" =>
  spec.volumes.some((volume) => !volume.readOnly && !volume.shared) ? "recreate" : "rolling";
