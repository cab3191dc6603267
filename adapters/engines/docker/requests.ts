/**
 * From a workload to what the daemon is sent. Pure, and tested by exact value: whatever a user can write into a spec
 * reaches the daemon through this file only, and none of it can ask for a privilege, a device, a namespace or a path of
 * the host.
 */
import { toShellText } from "../shell-command.ts";
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { invalid } from "@norns/kernel/errors";
import type { AppName, InstanceId, NodeId } from "@norns/kernel/ids";
import type { Group, VolumeMount, Workload } from "../workload.ts";

export interface Place {
  /** Whose containers these are: a daemon may serve several installations of Norns. */
  readonly installation: string;
  readonly node: NodeId;
  /** NORNS_HOME, where the volumes lie. */
  readonly home: string;
}

/** Every object of ours carries these. */
export const labels = {
  installation: "norns.installation",
  kind: "norns.kind",
  node: "norns.node",
  workspace: "norns.workspace",
  app: "norns.app",
  release: "norns.release",
  process: "norns.process",
  index: "norns.index",
  instance: "norns.instance",
  drain: "norns.drain",
  port: "norns.port",
  owner: "norns.owner",
} as const;

export interface CreateBody {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Hostname: string;
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly NetworkingConfig: { readonly EndpointsConfig: Readonly<Record<string, { readonly Aliases: readonly string[] }>> };
}

/**
 * What a container keeps of root's powers: what the entry points of common images need to prepare their files, take on
 * another user and listen below port 1024. Left out of Docker's own list: raw sockets, device nodes, chroot, file
 * capabilities, audit, setuid bits that survive a chown.
 */
const keptCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"];

const hardening = {
  Privileged: false,
  CapDrop: ["ALL"],
  CapAdd: keptCapabilities,
  SecurityOpt: ["no-new-privileges:true"],
  PidsLimit: 1024,
  Init: true,
  IpcMode: "private",
  OomScoreAdj: 100,
  PublishAllPorts: false,
  Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
} as const;

/** 64 MB × 3: far enough that a burst does not overtake the collector (measured: 50 MB lost lines), bounded all the same. */
const logConfig = { Type: "json-file", Config: { "max-size": "64m", "max-file": "3" } };

export function toCreateBody(
  workload: Workload,
  group: Group,
  index: number,
  made: { readonly instance: InstanceId; readonly network: string; readonly keepUp: boolean; readonly reach: "address" | "published" },
  place: Place,
): CreateBody {
  if (workload.artifact.kind !== "image")
    throw invalid("artifact_wrong_kind", `Docker runs images, and release ${workload.release} of ${workload.app} is a directory.`);
  const binds = toBinds(place.home, workload.app, group.volumes);
  const env: Record<string, string> = {
    ...group.env,
    ...(group.port === undefined ? {} : { PORT: `${group.port}`, HOST: "0.0.0.0" }),
    ...volumeEnv(group.volumes),
    NORNS_APP: workload.app,
    NORNS_PROCESS: group.process,
    NORNS_RELEASE: workload.release,
    NORNS_INSTANCE: made.instance,
  };
  const port = group.port === undefined ? undefined : `${group.port}/tcp`;
  return {
    Image: workload.artifact.image,
    ...(group.command === undefined ? {} : { Entrypoint: ["sh", "-c"], Cmd: [toShellText(group.command)] }),
    Env: toEnvList(env),
    Labels: {
      ...placeLabels(place, "instance"),
      [labels.workspace]: workload.workspace,
      [labels.app]: workload.app,
      [labels.release]: workload.release,
      [labels.process]: group.process,
      [labels.index]: `${index}`,
      [labels.instance]: made.instance,
      [labels.drain]: `${group.drain.signal} ${group.drain.timeoutMs}`,
      ...(group.port === undefined ? {} : { [labels.port]: `${group.port}` }),
    },
    Hostname: `${group.process.slice(0, 55)}-${index}`,
    StopSignal: group.drain.signal,
    ...(port === undefined ? {} : { ExposedPorts: { [port]: {} } }),
    HostConfig: {
      ...hardening,
      ...limitsOf(group.resources),
      Binds: binds,
      LogConfig: logConfig,
      RestartPolicy: restartPolicy(made.keepUp),
      ...(port !== undefined && made.reach === "published" ? { PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: "" }] } } : {}),
    },
    NetworkingConfig: { EndpointsConfig: { [made.network]: { Aliases: [group.process] } } },
  };
}

/** A one-off command: nothing published, nothing kept up, output taken from the connection and kept nowhere else. */
export function toRunBody(
  request: {
    readonly workspace: string;
    readonly app: AppName;
    readonly release: string;
    readonly command: string;
    readonly env: Readonly<Record<string, string>>;
    readonly volumes: readonly VolumeMount[];
  },
  made: { readonly image: string; readonly network: string; readonly owner: string },
  place: Place,
): CreateBody {
  return {
    Image: made.image,
    Entrypoint: ["sh", "-c"],
    Cmd: [request.command],
    Env: toEnvList({ ...request.env, ...volumeEnv(request.volumes), NORNS_APP: request.app, NORNS_RELEASE: request.release }),
    Labels: {
      ...placeLabels(place, "once"),
      [labels.workspace]: request.workspace,
      [labels.app]: request.app,
      [labels.release]: request.release,
      [labels.owner]: made.owner,
    },
    Hostname: "once",
    HostConfig: {
      ...hardening,
      ...limitsOf({ cpuMhz: 1000, memoryMb: 2048 }),
      Binds: toBinds(place.home, request.app, request.volumes),
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: restartPolicy(false),
    },
    NetworkingConfig: { EndpointsConfig: { [made.network]: { Aliases: [] } } },
  };
}

export const placeLabels = (place: Place, kind: "instance" | "once" | "network"): Record<string, string> => ({
  [labels.installation]: place.installation,
  [labels.kind]: kind,
  [labels.node]: place.node,
});

/** Always, but never again after we stopped it ourselves: `unless-stopped` survives a restart of the daemon both ways. */
export const restartPolicy = (keepUp: boolean): { Name: string } => ({ Name: keepUp ? "unless-stopped" : "no" });

/**
 * Memory is a wall, without swap behind it. CPU is a weight, as it was under Nomad: 100 MHz, the default, as a wall would
 * be a twenty-fifth of a core, and a Node server would take seven seconds to start on an idle machine.
 */
function limitsOf(resources: { readonly cpuMhz: number; readonly memoryMb: number }) {
  const memory = Math.max(6, Math.round(resources.memoryMb)) * 1024 * 1024;
  return { Memory: memory, MemorySwap: memory, CpuShares: Math.min(262_144, Math.max(2, Math.round(resources.cpuMhz))) };
}

/** One name for one place of one release: Docker gives a name once, so two who start the same instance make one container. */
export function containerName(place: Place, workload: Workload, group: Group, index: number): string {
  const hash = createHash("sha256").update(`${place.installation}/${workload.workspace}/${workload.release}`).digest("hex").slice(0, 10);
  return `norns-${workload.app}-${group.process}-${index}-${hash}`;
}

export const networkName = (place: Place, app: AppName): string => `norns-${place.installation.slice(0, 8)}-${app}`;

export const imageTag = (app: AppName, release: string): { repo: string; tag: string } => ({ repo: `norns/${app}`, tag: release });

/** Containers of one app see each other by process name; no other app's, and not the daemon's default network. */
export const toNetworkBody = (place: Place, app: AppName, subnet?: string): Record<string, unknown> => ({
  Name: networkName(place, app),
  CheckDuplicate: true,
  Driver: "bridge",
  Labels: { ...placeLabels(place, "network"), [labels.app]: app },
  ...(subnet === undefined ? {} : { IPAM: { Driver: "default", Config: [{ Subnet: subnet }] } }),
});

const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export const volumePath = (home: string, app: AppName, volume: string): string => {
  if (!namePattern.test(app) || !namePattern.test(volume))
    throw invalid("volume_invalid", "A volume's name is 1 to 63 lower-case letters, digits and hyphens.");
  return posix.join(home, "volumes", app, volume);
};

function toBinds(home: string, app: AppName, volumes: readonly VolumeMount[]): readonly string[] {
  return volumes.map((volume) => {
    const mount = posix.normalize(volume.mount);
    // A colon would begin the next part of Docker's bind syntax, and with it options of the user's choice [I4].
    if (!mount.startsWith("/") || mount === "/" || /[:\0\n]/.test(mount) || /^\/(proc|sys|dev)(\/|$)/.test(mount)) {
      throw invalid(
        "volume_invalid",
        `The volume ${volume.name} cannot be mounted there: a mount is an absolute path in the container, without a colon, outside /proc, /sys and /dev.`,
      );
    }
    return `${volumePath(home, app, volume.name)}:${mount}:${volume.readOnly ? "ro" : "rw"}`;
  });
}

const volumeEnv = (volumes: readonly VolumeMount[]): Record<string, string> =>
  Object.fromEntries(
    volumes.map((volume) => [`NORNS_VOLUME_${volume.name.toUpperCase().replaceAll("-", "_")}`, posix.normalize(volume.mount)]),
  );

function toEnvList(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => {
    if (name === "" || /[=\0]/.test(name) || value.includes("\0"))
      throw invalid("env_invalid", "A variable's name has no equals sign, and neither name nor value a zero byte.");
    return `${name}=${value}`;
  });
}

/** A path inside the source, never an option, never outside. */
export function checkDockerfile(path: string): string {
  const normal = posix.normalize(path);
  if (
    path === "" ||
    path.startsWith("/") ||
    normal.startsWith("../") ||
    normal === ".." ||
    normal === "." ||
    /[\0\n\r]/.test(path) ||
    path.startsWith("-")
  ) {
    throw invalid("dockerfile_invalid", "`build.dockerfile` is a path inside the repository, such as Dockerfile or deploy/Dockerfile.");
  }
  return normal;
}

/** `registry/name:tag` or `…@sha256:…`; nothing that could be a flag, a path or a URL. */
export function checkImage(reference: string): string {
  if (
    reference.length > 300 ||
    !/^[A-Za-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?$/.test(reference) ||
    /\/\/|\.\.|:\/|\/$|:$/.test(reference)
  ) {
    throw invalid("image_invalid", "`image` is a reference such as nginx:1.27 or registry.example.com/team/app@sha256:….");
  }
  return reference;
}

export const toBuildQuery = (
  request: {
    readonly app: AppName;
    readonly release: string;
    readonly commit: string;
    readonly dockerfile?: string;
    readonly env: Readonly<Record<string, string>>;
  },
  place: Place,
): { t: string; dockerfile: string; rm: boolean; forcerm: boolean; labels: Record<string, string>; buildargs: Record<string, string> } => {
  const { repo, tag } = imageTag(request.app, request.release);
  return {
    t: `${repo}:${tag}`,
    dockerfile: checkDockerfile(request.dockerfile ?? "Dockerfile"),
    rm: true,
    forcerm: true,
    // One only: the daemon's own builder makes each label a step with a container, 0.1 to 0.2 s. The tag says the rest.
    labels: { [labels.installation]: place.installation },
    buildargs: { VERSION: request.commit, ...request.env },
  };
};
