/** Pure: from a workload, or a one-off command, to what exactly is started. Tested by exact value. */
import { toShellText } from "../shell-command.ts";
import type { AppName, ProcessName, ReleaseId } from "@norns/kernel/ids";
import type { VolumeMount } from "../workload.ts";
import { bubblewrapBase, bubblewrapSeal, systemPath, type Isolation, type Limits } from "./isolation.ts";
import type { Launch } from "./supervisor/protocol.ts";

export interface LaunchRequest {
  readonly isolation: Isolation;
  readonly limits: Limits;
  /** Handed whole to `sh -c`. */
  readonly command: string;
  /** The user's; what Norns itself says wins over it. */
  readonly env: Readonly<Record<string, string>>;
  /** What Norns says: NORNS_APP and the like. */
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeBinary: { readonly directory: string };
  readonly uid?: number;
  readonly cwd: string;
  readonly home: string;
  readonly tmp: string;
  readonly volumes: readonly { readonly name: string; readonly path: string; readonly readOnly: boolean }[];
  /** May it write where it stands: a build does. */
  readonly isWritable: boolean;
  /** Directories that are empty for the app, unless something of its own lies within. */
  readonly hidden: readonly string[];
}

export function toLaunch(request: LaunchRequest): Launch {
  const { isolation, uid } = request;
  return {
    argv: [...inLimits(isolation, request.limits), ...inSandbox(request), "/bin/sh", "-c", toShellText(request.command)],
    cwd: isolation.kind === "bubblewrap" ? "/" : request.cwd,
    env: toEnvironment(request),
    envBy: isolation.kind === "bubblewrap" ? "bubblewrap" : "process",
    ...(uid === undefined ? {} : { uid }),
  };
}

/** Nothing of the server's environment: a short list, then the user's, then what Norns says. */
export function toEnvironment(request: Omit<LaunchRequest, "isolation" | "limits" | "command">): Record<string, string> {
  const volumes = request.volumes.map(({ name, path }) => [volumeVariable(name), path] as const);
  return {
    PATH: `${request.nodeBinary.directory}:${systemPath}`,
    LANG: "C.UTF-8",
    HOME: request.home,
    TMPDIR: request.tmp,
    ...request.env,
    HOST: "127.0.0.1",
    ...request.labels,
    ...Object.fromEntries(volumes),
  };
}

export function volumeVariable(name: VolumeMount["name"]): string {
  return `NORNS_VOLUME_${name.toUpperCase().replaceAll("-", "_")}`;
}

export function toLabels(of: { app: AppName; release: ReleaseId; process?: ProcessName }): Record<string, string> {
  return { NORNS_APP: of.app, NORNS_RELEASE: of.release, ...(of.process === undefined ? {} : { NORNS_PROCESS: of.process }) };
}

function inLimits({ nice, prlimit }: Isolation, limits: Limits): string[] {
  return [
    // The control plane answers first when apps take the whole machine.
    ...(nice ? [nice, "-n", "5"] : []),
    ...(prlimit ? [prlimit, "--core=0:0", `--nofile=${limits.openFiles}:${limits.openFiles}`, "--"] : []),
  ];
}

function inSandbox(request: LaunchRequest): string[] {
  const { isolation, limits } = request;
  const processes = isolation.prlimit ? [isolation.prlimit, `--nproc=${limits.processes}:${limits.processes}`, "--"] : [];
  switch (isolation.kind) {
    case "own-user":
      // The uid is taken before the first instruction (see Launch.uid): the number of processes counts for it alone.
      return [...processes, ...(isolation.setpriv ? [isolation.setpriv, "--no-new-privs", "--inh-caps=-all", "--"] : [])];
    case "bubblewrap": {
      const shown = [
        ["--ro-bind-try", request.nodeBinary.directory],
        [request.isWritable ? "--bind" : "--ro-bind", request.cwd],
        ["--bind", request.home],
        ["--bind", request.tmp],
        ...request.volumes.map(({ path, readOnly }) => [readOnly ? "--ro-bind" : "--bind", path]),
      ].flatMap(([how, path]) => [how!, path!, path!]);
      return [
        isolation.bubblewrap,
        ...bubblewrapBase({ hasOwnPids: isolation.hasOwnPids, hidden: request.hidden, tmp: request.tmp }),
        ...shown,
        ...bubblewrapSeal(request.hidden),
        "--chdir",
        request.cwd,
        "--clearenv",
        "--args",
        "5",
        "--",
        // Within its user namespace the count starts at nothing, so the limit is the app's own.
        ...processes,
      ];
    }
    case "none":
      return [];
  }
}
