import type { Finding } from "./finding.ts";
import { isValid } from "./finding.ts";
import { Reader, type MapEntry } from "./field.ts";
import { infraspec, type Written, type WrittenProcess } from "./fields.ts";
import { checkEndpoint } from "./hostname.ts";
import { runsImages, type EnvMap, type Infraspec, type ProcessKind, type ProcessSpec } from "./infraspec.ts";
import type { AppName, ProcessName } from "@norns/kernel/ids";
import { checkRules } from "./rules.ts";
import { openYaml } from "./yaml-text.ts";

export interface ParseOptions {
  /** Values that look like secrets in `env` are errors instead of warnings. */
  readonly strictSecrets?: boolean;
}

export interface ParsedInfraspec {
  /** Null exactly if a finding is an error. */
  readonly spec: Infraspec | null;
  /** The app's name when that much can be read, however broken the rest is. */
  readonly name?: AppName;
  /** In the order of the file. */
  readonly findings: readonly Finding[];
}

/** Reads the text of an infraspec.yaml. Never throws, whatever the text: what is wrong becomes findings. */
export function parseInfraspec(text: string, options: ParseOptions = {}): ParsedInfraspec {
  const opened = openYaml(text);
  if (!opened.root) {
    const empty: Finding = {
      severity: "error",
      field: "",
      message: "The file is empty. It needs at least `name` and `processes`.",
      line: 1,
      column: 1,
    };
    return { spec: null, findings: printable(isValid(opened.findings) ? [...opened.findings, empty] : opened.findings) };
  }
  const reader = new Reader(opened.aliases, opened.place);
  const written = infraspec.read(opened.root, "", reader);
  if (!written) return { spec: null, findings: printable(reader.findings) };
  checkRules(written, reader, options.strictSecrets ?? false);
  const findings = [...opened.findings, ...reader.findings].toSorted((left, right) => (left.line ?? 0) - (right.line ?? 0)).slice(0, 200);
  // The list is cut for the reader's sake; whether the spec is valid is judged by all of it.
  const valid = isValid(opened.findings) && isValid(reader.findings);
  if (!valid && isValid(findings)) findings.push(reader.findings.find((finding) => finding.severity === "error")!);
  return {
    spec: valid ? toInfraspec(written) : null,
    findings: printable(findings),
    ...(written.name === "" ? {} : { name: written.name }),
  };
}

/** Findings quote keys and words of the file, and are shown in terminals: nothing in them may steer one [I9]. */
const printable = (findings: readonly Finding[]): Finding[] =>
  findings.map((finding) => ({ ...finding, field: plain(finding.field), message: plain(finding.message) }));
const plain = (text: string): string => text.replaceAll(/\p{Cc}|\p{Cf}/gu, "\uFFFD");

/** Called only for what has no error, so every blank has been filled. */
function toInfraspec(written: Written): Infraspec {
  const { name, deploy, engine, image, repo, build, services, secrets, migrations, infrastructure, snapshots } = written;
  const needsDockerfile = engine !== undefined && runsImages(engine) && image === undefined && build?.dockerfile === undefined;
  const builtWith = needsDockerfile ? { ...build, dockerfile: "Dockerfile" } : build;
  return withoutAbsent({
    name,
    deploy,
    engine,
    image,
    repo,
    build: builtWith,
    processes: written.processes.map(({ key, value }) => toProcess(key, value)),
    services,
    secrets,
    migrations,
    env: toEnv(written.env),
    infrastructure: infrastructure ?? {},
    endpoints: written.endpoints.map((endpoint) => {
      const checked = checkEndpoint(endpoint.url);
      return { ...endpoint, hostname: "hostname" in checked ? checked.hostname : "" };
    }),
    volumes: written.volumes,
    snapshots: {
      keep: snapshots?.keep ?? 3,
      preRestore: snapshots?.preRestore ?? false,
      retentionEnabled: snapshots?.retentionEnabled ?? false,
      exportBucket: snapshots?.exportBucket,
    },
    deployPolicy: { autoRollback: written.deployPolicy?.autoRollback ?? true },
  }) as Infraspec;
}

function toProcess(name: string, process: WrittenProcess): Unpruned<ProcessSpec> {
  const { health, scaling, drain, resources, canary, tuning } = process;
  return {
    name: name as ProcessName, // the table has checked the pattern of every key
    kind: kindOf(process),
    port: process.port,
    command: process.command,
    schedule: process.schedule,
    timezone: process.timezone,
    function: process.function && { timeoutMs: process.function.timeout, memoryMb: process.function.memory },
    health: {
      path: health?.path,
      intervalMs: health?.interval ?? 10_000,
      timeoutMs: health?.timeout ?? 5_000,
      deadlineMs: health?.deadline ?? 60_000,
    },
    metrics: process.metrics,
    scaling: { min: scaling?.min ?? 1, max: scaling?.max, perRegion: scaling?.per_region, auto: scaling?.auto },
    drain: { signal: drain?.signal ?? "SIGTERM", timeoutMs: drain?.timeout ?? 30_000 },
    resources: { cpuMhz: resources?.cpu ?? 100, memoryMb: resources?.memory ?? 128 },
    canary: canary && { count: canary.count, evaluateAfterMs: canary.evaluateAfter },
    tuning: tuning && {
      mode: tuning.mode,
      cooldownMs: tuning.cooldown,
      profiles: Object.fromEntries(tuning.profiles.map(({ key, value }) => [key, { cpuMhz: value.cpu, memoryMb: value.memory }])),
      limits: tuning.limits,
      signals: tuning.signals,
    },
    env: toEnv(process.env),
  };
}

function kindOf(process: WrittenProcess): ProcessKind {
  if (process.function) return "function";
  if (process.schedule !== undefined) return "cron";
  return process.port === undefined ? "worker" : "service";
}

const toEnv = (entries: readonly MapEntry<string>[]): EnvMap => Object.fromEntries(entries.map(({ key, value }) => [key, value]));

/** The same shape, with `undefined` where a field may be absent. */
type Unpruned<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Unpruned<Item>[]
    : { readonly [Key in keyof T]: undefined extends T[Key] ? Unpruned<T[Key]> | undefined : Unpruned<T[Key]> };

/** Drops the fields that are undefined, all the way down, so that a spec is plain JSON. */
function withoutAbsent(value: Unpruned<Infraspec>): unknown {
  const prune = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(prune);
    if (typeof each !== "object" || each === null) return each;
    return Object.fromEntries(Object.entries(each).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, prune(inner)]])));
  };
  return prune(value);
}
