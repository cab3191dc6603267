import type { AppName, InstanceId, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import { describe, expect, it } from "vitest";
import type { Group, Workload } from "../workload.ts";
import { toIgnore } from "./build-context.ts";
import { buildKitFeature } from "./buildkit.ts";
import { type Inspected, toInstance, toStartReason } from "./observe.ts";
import {
  checkDockerfile,
  checkImage,
  containerName,
  type Place,
  toBuildQuery,
  toCreateBody,
  toNetworkBody,
  toRunBody,
} from "./requests.ts";

const place: Place = { installation: "0123456789abcdef", node: "node_1" as NodeId, home: "/var/lib/norns" };
const instance = "ins_00000000000000000000000000" as InstanceId;

const aGroup = (change: Partial<Group> = {}): Group => ({
  process: "web" as ProcessName,
  kind: "service",
  count: 1,
  command: "node server.js",
  env: { GREETING: "hello" },
  port: 3000,
  health: { path: "/", intervalMs: 1000, timeoutMs: 1000, deadlineMs: 60_000 },
  resources: { cpuMhz: 100, memoryMb: 128 },
  drain: { signal: "SIGINT", timeoutMs: 5000 },
  volumes: [{ name: "data", mount: "/data", readOnly: false, shared: false }],
  ...change,
});

const aWorkload = (group: Group): Workload => ({
  workspace: "ws_1" as WorkspaceId,
  app: "shop" as AppName,
  release: "rel_1" as ReleaseId,
  artifact: { kind: "image", image: "sha256:abc" },
  groups: [group],
  update: "rolling",
});

const bodyOf = (change: Partial<Group> = {}, reach: "address" | "published" = "address") => {
  const group = aGroup(change);
  return toCreateBody(aWorkload(group), group, 0, { instance, network: "net1", keepUp: true, reach }, place);
};

const hardening = {
  Privileged: false,
  CapDrop: ["ALL"],
  CapAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"],
  SecurityOpt: ["no-new-privileges:true"],
  PidsLimit: 1024,
  Init: true,
  IpcMode: "private",
  OomScoreAdj: 100,
  PublishAllPorts: false,
  Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
};

describe("what the daemon is sent", () => {
  it("for an instance", () => {
    expect(bodyOf()).toEqual({
      Image: "sha256:abc",
      Entrypoint: ["sh", "-c"],
      Cmd: ["exec node server.js"],
      Env: [
        "GREETING=hello",
        "PORT=3000",
        "HOST=0.0.0.0",
        "NORNS_VOLUME_DATA=/data",
        "NORNS_APP=shop",
        "NORNS_PROCESS=web",
        "NORNS_RELEASE=rel_1",
        `NORNS_INSTANCE=${instance}`,
      ],
      Labels: {
        "norns.installation": "0123456789abcdef",
        "norns.kind": "instance",
        "norns.node": "node_1",
        "norns.workspace": "ws_1",
        "norns.app": "shop",
        "norns.release": "rel_1",
        "norns.process": "web",
        "norns.index": "0",
        "norns.instance": instance,
        "norns.drain": "SIGINT 5000",
        "norns.port": "3000",
      },
      Hostname: "web-0",
      StopSignal: "SIGINT",
      ExposedPorts: { "3000/tcp": {} },
      HostConfig: {
        ...hardening,
        Memory: 134_217_728,
        MemorySwap: 134_217_728,
        CpuShares: 100,
        Binds: ["/var/lib/norns/volumes/shop/data:/data:rw"],
        LogConfig: { Type: "json-file", Config: { "max-size": "64m", "max-file": "3" } },
        RestartPolicy: { Name: "unless-stopped" },
      },
      NetworkingConfig: { EndpointsConfig: { net1: { Aliases: ["web"] } } },
    });
  });

  it("without a command, a port or volumes: the image's own, and nothing published", () => {
    const { command: _command, port: _port, ...bare } = aGroup({ volumes: [], env: {} });
    const body = toCreateBody(aWorkload(bare), bare, 3, { instance, network: "net1", keepUp: false, reach: "published" }, place);
    expect(body).not.toHaveProperty("Entrypoint");
    expect(body).not.toHaveProperty("Cmd");
    expect(body).not.toHaveProperty("ExposedPorts");
    expect(body.HostConfig).not.toHaveProperty("PortBindings");
    expect(body.HostConfig).toMatchObject({ Binds: [], RestartPolicy: { Name: "no" } });
    expect(body.Env.map((entry) => entry.split("=")[0])).toEqual(["NORNS_APP", "NORNS_PROCESS", "NORNS_RELEASE", "NORNS_INSTANCE"]);
  });

  it("publishes on loopback only, and only where containers cannot be reached otherwise", () => {
    expect(bodyOf({}, "published").HostConfig["PortBindings"]).toEqual({ "3000/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] });
    expect(bodyOf().HostConfig).not.toHaveProperty("PortBindings");
  });

  it("for a one-off command", () => {
    const request = { workspace: "ws_1", app: "shop" as AppName, release: "rel_1", command: "npm test", env: { A: "1" }, volumes: [] };
    expect(toRunBody(request, { image: "sha256:abc", network: "net1", owner: "1-2" }, place)).toEqual({
      Image: "sha256:abc",
      Entrypoint: ["sh", "-c"],
      Cmd: ["npm test"],
      Env: ["A=1", "NORNS_APP=shop", "NORNS_RELEASE=rel_1"],
      Labels: {
        "norns.installation": "0123456789abcdef",
        "norns.kind": "once",
        "norns.node": "node_1",
        "norns.workspace": "ws_1",
        "norns.app": "shop",
        "norns.release": "rel_1",
        "norns.owner": "1-2",
      },
      Hostname: "once",
      HostConfig: {
        ...hardening,
        Memory: 2_147_483_648,
        MemorySwap: 2_147_483_648,
        CpuShares: 1000,
        Binds: [],
        LogConfig: { Type: "none", Config: {} },
        RestartPolicy: { Name: "no" },
      },
      NetworkingConfig: { EndpointsConfig: { net1: { Aliases: [] } } },
    });
  });

  it("for a build and a network", () => {
    expect(toBuildQuery({ app: "shop" as AppName, release: "rel_1", commit: "c", env: { BUILD_NUMBER: "4" } }, place)).toEqual({
      t: "norns/shop:rel_1",
      dockerfile: "Dockerfile",
      rm: true,
      forcerm: true,
      labels: { "norns.installation": "0123456789abcdef" },
      buildargs: { VERSION: "c", BUILD_NUMBER: "4" },
    });
    expect(toNetworkBody(place, "shop" as AppName)).toEqual({
      Name: "norns-01234567-shop",
      CheckDuplicate: true,
      Driver: "bridge",
      Labels: { "norns.installation": "0123456789abcdef", "norns.kind": "network", "norns.node": "node_1", "norns.app": "shop" },
    });
  });

  it("names a place of a release once, whatever else changes", () => {
    const group = aGroup();
    const name = containerName(place, aWorkload(group), group, 0);
    expect(name).toMatch(/^norns-shop-web-0-[0-9a-f]{10}$/);
    expect(containerName({ ...place, node: "node_2" as NodeId }, aWorkload(group), aGroup({ command: "x" }), 0)).toBe(name);
    expect(containerName({ ...place, installation: "x" }, aWorkload(group), group, 0)).not.toBe(name);
    expect(containerName(place, { ...aWorkload(group), release: "rel_2" as ReleaseId }, group, 0)).not.toBe(name);
  });
});

describe("what a spec cannot ask for", () => {
  it.each([
    "relative",
    "/",
    "/data:ro",
    "/data:/etc:rw",
    "/proc",
    "/proc/sys",
    "/sys/fs",
    "/dev/sda",
    "/x/../proc",
    "",
    "/a\nb",
    "/a\0b",
    "../x",
  ])("[I4] a volume mounted at %j", (mount) => {
    expect(() => bodyOf({ volumes: [{ name: "data", mount, readOnly: false, shared: false }] })).toThrow(
      expect.objectContaining({ code: "volume_invalid", kind: "invalid" }),
    );
  });

  it.each(["../../etc", "a/b", "..", "", "a:b", "A", "-a", "a\0"])("[I4] a volume named %j", (name) => {
    expect(() => bodyOf({ volumes: [{ name, mount: "/data", readOnly: false, shared: false }] })).toThrow(
      expect.objectContaining({ code: "volume_invalid" }),
    );
  });

  it("[I5] [A7] anything beyond the few fields that Norns fills: unknown keys of a group go nowhere", () => {
    const wish = {
      privileged: true,
      Privileged: true,
      HostConfig: { Privileged: true, Binds: ["/:/host"] },
      CapAdd: ["ALL"],
      devices: ["/dev/mem"],
      network_mode: "host",
      pid: "host",
      Entrypoint: ["evil"],
      Labels: { "norns.app": "other" },
      __proto__: { Privileged: true },
    };
    // The cast: what a parser that let unknown keys through would hand over.
    const body = bodyOf(wish as Partial<Group>);
    expect(body).toEqual(bodyOf());
  });

  it("[I3] a command as anything but one argument of sh", () => {
    const command = "echo '$(id)'; `reboot` && \"x\" \\ \n --privileged";
    expect(bodyOf({ command })).toMatchObject({ Entrypoint: ["sh", "-c"], Cmd: [command] });
  });

  it("[I3] a variable that is two, or a zero byte in one", () => {
    expect(() => bodyOf({ env: { "A=B": "x" } })).toThrow(expect.objectContaining({ code: "env_invalid" }));
    expect(() => bodyOf({ env: { A: "x\0y" } })).toThrow(expect.objectContaining({ code: "env_invalid" }));
    expect(bodyOf({ env: { A: "x\nB=y" } }).Env[0]).toBe("A=x\nB=y");
  });

  it("the variables that Norns sets itself", () => {
    expect(bodyOf({ env: { NORNS_INSTANCE: "other", PORT: "1" } }).Env).toEqual(
      expect.arrayContaining([`NORNS_INSTANCE=${instance}`, "PORT=3000"]),
    );
  });

  it.each(["/etc/passwd", "../Dockerfile", "a/../../b", "", ".", "..", "-f", "a\nb", "a\0b"])("[I5] the Dockerfile %j", (path) => {
    expect(() => checkDockerfile(path)).toThrow(expect.objectContaining({ code: "dockerfile_invalid" }));
    expect(() => toBuildQuery({ app: "shop" as AppName, release: "rel_1", commit: "c", env: {}, dockerfile: path }, place)).toThrow(
      expect.objectContaining({ code: "dockerfile_invalid" }),
    );
  });

  it.each(["", "-v", "a b", "http://x/y", "../x", "a//b", "$(x)", "a;b", "a?b=c", "a#b", "x@sha256:short", "/x", "a/"])(
    "[I3] the image %j",
    (reference) => {
      expect(() => checkImage(reference)).toThrow(expect.objectContaining({ code: "image_invalid" }));
    },
  );

  it("takes references as people write them", () => {
    for (const reference of [
      "nginx",
      "nginx:1.27-alpine",
      "ghcr.io/owner/app:v1",
      "localhost:5000/a/b",
      `app@sha256:${"a".repeat(64)}`,
      "a/b_c/d.e:F-1",
    ])
      expect(checkImage(reference)).toBe(reference);
    for (const path of ["Dockerfile", "deploy/Dockerfile", "./Dockerfile.prod"]) expect(checkDockerfile(path)).toBe(path.replace("./", ""));
  });
});

describe("what the daemon says, as an instance", () => {
  const inspected = (
    change: { State?: Partial<Inspected["State"]>; Labels?: Record<string, string>; Ports?: Inspected["NetworkSettings"]["Ports"] } = {},
  ): Inspected => ({
    Id: "0123456789abcdef",
    Name: "/x",
    Created: "2026-11-20T16:00:00Z",
    RestartCount: 2,
    Config: { Labels: { ...bodyOf().Labels, ...change.Labels } },
    HostConfig: { Memory: 64 * 1024 ** 2, RestartPolicy: { Name: "no" } },
    State: {
      Status: "running",
      Pid: 1,
      ExitCode: 0,
      OOMKilled: false,
      Error: "",
      StartedAt: "2026-11-20T16:00:01Z",
      FinishedAt: "0001-01-01T00:00:00Z",
      ...change.State,
    },
    NetworkSettings: { Networks: { net1: { IPAddress: "172.18.0.2" } }, ...(change.Ports === undefined ? {} : { Ports: change.Ports }) },
  });
  const seen = (found: Inspected) => toInstance(found, place, () => false);

  it("running: with its address", () => {
    expect(seen(inspected())).toEqual({
      id: instance,
      workspace: "ws_1",
      app: "shop",
      release: "rel_1",
      process: "web",
      index: 0,
      node: "node_1",
      state: "running",
      address: { host: "172.18.0.2", port: 3000 },
      startedAt: Date.parse("2026-11-20T16:00:01Z"),
      restarts: 2,
      handle: "0123456789ab",
    });
    expect(seen(inspected({ Ports: { "3000/tcp": [{ HostIp: "127.0.0.1", HostPort: "49153" }] } }))!.address).toEqual({
      host: "127.0.0.1",
      port: 49_153,
    });
  });

  it("ended: code, signal, memory, and a start that failed", () => {
    const ended = { Status: "exited", FinishedAt: "2026-11-20T16:00:09Z" } as const;
    const at = Date.parse("2026-11-20T16:00:09Z");
    expect(seen(inspected({ State: { ...ended, ExitCode: 3 } }))).toMatchObject({ state: "exited", exit: { code: 3, signal: null, at } });
    expect(seen(inspected({ State: { ...ended, ExitCode: 143 } }))).toMatchObject({ exit: { code: null, signal: "SIGTERM", at } });
    expect(seen(inspected({ State: { ...ended, ExitCode: 137, OOMKilled: true } }))).toMatchObject({
      exit: { signal: "SIGKILL", reason: "used more memory than its 64 MB" },
    });
    const error =
      'OCI runtime create failed: runc create failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown';
    expect(seen(inspected({ State: { Status: "created", ExitCode: 127, Error: error } }))).toMatchObject({
      state: "exited",
      exit: { code: 127, reason: 'the image has no program "sh"' },
    });
    expect(toStartReason('exec: "/app/run": permission denied')).toContain("may not be executed");
    expect(seen(inspected({ State: { Status: "exited", FinishedAt: "2026-11-20T16:00:09Z" } }))).not.toHaveProperty("address");
  });

  it("of another installation, or with labels that are not ours: not at all", () => {
    for (const Labels of [
      { "norns.installation": "other" },
      { "norns.kind": "once" },
      { "norns.instance": "../../x" },
      { "norns.index": "x" },
    ] as Record<string, string>[])
      expect(seen(inspected({ Labels }))).toBeUndefined();
  });

  it("of another node of this home: an orphan, shown and left alone", () => {
    expect(seen(inspected({ Labels: { "norns.node": "node_before" } }))).toMatchObject({ isOrphan: true, node: "node_before" });
  });
});

describe("what needs BuildKit", () => {
  it.each([
    ["FROM x\nRUN --mount=type=cache,target=/c npm ci", "RUN --mount"],
    ["FROM x\nRUN \\\n  --mount=type=secret,id=s true", "RUN --mount"],
    ["# syntax=docker/dockerfile:1\nFROM x", "# syntax=docker/dockerfile:1"],
    ["FROM x\nCOPY --chown=a --link . /", "COPY --chown=a --link"],
    ["FROM x\nCOPY <<EOF /x\nhi\nEOF", "<< here-documents"],
    ["FROM x\nRUN echo --mount", undefined],
    ["FROM x\nCOPY --from=a --chown=b . /", undefined],
    ["FROM x\n# syntax=late\nRUN cat < a", undefined],
  ])("%j: %j", (text, feature) => {
    expect(buildKitFeature(text)).toBe(feature);
  });
});

describe(".dockerignore", () => {
  it.each([
    ["node_modules", "node_modules/x/y.js", true],
    ["node_modules", "sub/node_modules/x", false],
    ["**/node_modules", "sub/node_modules/x", true],
    ["*.md", "README.md", true],
    ["*.md", "docs/README.md", false],
    ["**/*.md", "docs/README.md", true],
    ["*.md\n!README.md", "README.md", false],
    ["docs\n!docs/keep", "docs/keep", false],
    ["docs\n!docs/keep", "docs/drop", true],
    ["/build/", "build/out", true],
    ["# a comment\n\n.env", ".env", true],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["a.c", "abc", false],
    ["[ab].js", "a.js", true],
    ["**", "anything/at/all", true],
    ["(x)+", "(x)+", true],
    ["temp*", "temporary/file", true],
  ])("%j makes %j ignored: %j", (text, path, isIgnored) => {
    expect(toIgnore(text)(path)).toBe(isIgnored);
  });
});
