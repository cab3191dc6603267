/** From what the daemon says of a container to an instance. Pure. */
import { constants } from "node:os";
import type { AppName, InstanceId, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { Instance, InstanceExit, InstanceState } from "../workload.ts";
import { labels, type Place } from "./requests.ts";

/** The piece of `GET /containers/{id}/json` that is read. */
export interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  /** The program that was to be started. */
  readonly Path?: string;
  readonly RestartCount: number;
  readonly LogPath?: string;
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null };
  readonly HostConfig: { readonly Memory?: number; readonly RestartPolicy?: { readonly Name?: string } };
  readonly State: {
    readonly Status: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
    readonly Pid: number;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
    readonly Ports?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>> | null;
  };
}

/** Undefined: not an instance of ours, whatever labels somebody gave it. */
export function toInstance(found: Inspected, place: Place, isStopping: (instance: InstanceId) => boolean): Instance | undefined {
  const label = found.Config.Labels ?? {};
  const index = Number(label[labels.index]);
  if (
    label[labels.installation] !== place.installation ||
    label[labels.kind] !== "instance" ||
    !/^ins_[0-9a-z]{26}$/.test(label[labels.instance] ?? "") ||
    !Number.isInteger(index)
  )
    return undefined;
  const id = label[labels.instance] as InstanceId; // Checked above; the others below are what we wrote beside it.
  const state = isStopping(id) ? "stopping" : stateOf(found);
  const address = state === "running" || state === "starting" || state === "stopping" ? addressOf(found, label[labels.port]) : undefined;
  const exit = exitOf(found);
  return {
    id,
    workspace: label[labels.workspace] as WorkspaceId,
    app: label[labels.app] as AppName,
    release: label[labels.release] as ReleaseId,
    process: label[labels.process] as ProcessName,
    index,
    node: label[labels.node] as NodeId,
    state,
    ...(address === undefined ? {} : { address }),
    startedAt: timeOf(found.State.StartedAt) ?? timeOf(found.Created) ?? 0,
    restarts: found.RestartCount,
    ...(exit === undefined ? {} : { exit }),
    handle: found.Id.slice(0, 12),
    // The labels are the engine's records. Another node's means that this home's database was made anew.
    ...(label[labels.node] === place.node ? {} : { isOrphan: true }),
  };
}

function stateOf(found: Inspected): InstanceState {
  switch (found.State.Status) {
    case "created":
      // Never started: either about to be, or its start failed (no such program), which is an early exit like another.
      return found.State.ExitCode === 0 && found.State.Error === "" ? "starting" : "exited";
    case "running":
    case "paused":
      return "running";
    // Waiting for its next start: there is no process now.
    case "restarting":
    case "exited":
      return "exited";
    case "removing":
    case "dead":
      return "lost";
  }
}

/** Where it answers: its own address in the app's network, or the published port when that network is out of reach. */
function addressOf(found: Inspected, port: string | undefined): { host: string; port: number } | undefined {
  if (port === undefined) return undefined;
  const published = found.NetworkSettings.Ports?.[`${port}/tcp`]?.[0];
  if (published) return { host: "127.0.0.1", port: Number(published.HostPort) };
  const host = Object.values(found.NetworkSettings.Networks ?? {}).find((network) => network.IPAddress)?.IPAddress;
  return host ? { host, port: Number(port) } : undefined;
}

function exitOf(found: Inspected): InstanceExit | undefined {
  const { State } = found;
  const at = timeOf(State.FinishedAt);
  const didNotStart = State.Status === "created" && (State.ExitCode !== 0 || State.Error !== "");
  if (didNotStart)
    return {
      code: State.ExitCode,
      signal: null,
      at: timeOf(found.Created) ?? 0,
      reason: State.Error === "" ? startReasonOf(State.ExitCode, found.Path ?? "") : toStartReason(State.Error),
    };
  if (at === undefined || State.Status === "running" || State.Status === "paused" || State.Status === "created") return undefined;
  const signal = State.ExitCode > 128 ? signalOf(State.ExitCode - 128) : null;
  const reason = State.OOMKilled
    ? `used more memory than its ${Math.round((found.HostConfig.Memory ?? 0) / 1024 ** 2)} MB`
    : State.Error === ""
      ? undefined
      : toStartReason(State.Error);
  return { code: signal === null ? State.ExitCode : null, signal, at, ...(reason === undefined ? {} : { reason }) };
}

/** `OCI runtime create failed: … exec: "sh": executable file not found in $PATH: unknown` → the part that says something. */
export function toStartReason(error: string): string {
  const missing =
    /exec: "([^"]{1,200})": (executable file not found in \$PATH|stat [^:]+: no such file or directory|permission denied)/.exec(error);
  if (missing)
    return missing[2] === "permission denied"
      ? `the image has "${missing[1]}", but it may not be executed`
      : `the image has no program "${missing[1]}"`;
  return `it could not be started: ${error.replaceAll(/\s+/g, " ").slice(-300)}`;
}

/** Docker 20.10 keeps the code of a failed start and not its text: 127 and 126 are what a shell would say. */
function startReasonOf(code: number, program: string): string {
  if (code === 127) return `the image has no program "${program}"`;
  return code === 126 ? `the image has "${program}", but it may not be executed` : "it could not be started";
}

const signals = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const signalOf = (number: number): string | null => signals.get(number) ?? null;

/** The daemon's "never" is the year 1. */
function timeOf(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}
