/** Valid by default; say what differs. */
import type { Instance } from "@norns/adapters/engines";
import { parseInfraspec, type Infraspec } from "@norns/capabilities/apps/catalog";
import { newId, type AppName, type InstanceId, type NodeId, type ProcessName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import type { CurrentRelease } from "./desired/current-release.ts";

export const aWorkspace = newId("WorkspaceId");
export const aNode = newId("NodeId");

export function aSpec(
  text = "name: hello\nprocesses:\n  web: { command: node server.js, port: 3000, health: { path: /health } }\n",
): Infraspec {
  const { spec, findings } = parseInfraspec(text);
  if (!spec) throw new Error(`The fixture's spec is not valid: ${JSON.stringify(findings)}`);
  return spec;
}

export function aRelease(over: Partial<CurrentRelease> & { readonly specText?: string } = {}): CurrentRelease {
  const { specText, ...rest } = over;
  const spec = aSpec(specText);
  return {
    workspace: aWorkspace,
    app: spec.name,
    release: newId("ReleaseId"),
    number: 4,
    commit: "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0",
    engine: "process",
    node: aNode,
    spec,
    artifact: { kind: "directory", path: "/artifacts/hello" },
    switchedAt: 1_000,
    ...rest,
  };
}

export function anInstance(
  of: { release: ReleaseId; app?: AppName; workspace?: WorkspaceId },
  over: Partial<Omit<Instance, "process">> & { process?: string } = {},
): Instance {
  const { process = "web", ...rest } = over;
  return {
    id: newId("InstanceId") as InstanceId,
    workspace: of.workspace ?? aWorkspace,
    app: of.app ?? ("hello" as AppName),
    release: of.release,
    process: process as ProcessName,
    index: 0,
    node: aNode as NodeId,
    state: "running",
    address: { host: "127.0.0.1", port: 20_001 },
    startedAt: 2_000,
    restarts: 0,
    handle: "4711",
    ...rest,
  };
}
