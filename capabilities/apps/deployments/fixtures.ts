/** Valid by default; say what differs. */
import { parseInfraspec } from "@norns/capabilities/apps/catalog";
import { newId, type AppName } from "@norns/kernel/ids";
import type { Release } from "./release.ts";

const text = "name: hello\nprocesses:\n  web: { command: node server.js, port: 3000 }\n";

export function aRelease(over: Partial<Release> = {}): Release {
  const id = newId("ReleaseId");
  return {
    id,
    workspace: newId("WorkspaceId"),
    app: "hello" as AppName,
    number: 1,
    state: "good",
    commit: "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0",
    ref: "HEAD",
    subject: "Say hello",
    spec: parseInfraspec(text).spec!,
    specText: text,
    artifact: { kind: "directory", path: `/artifacts/${id}` },
    engine: "process",
    node: newId("NodeId"),
    operation: newId("OperationId"),
    createdAt: 1_000,
    currentSince: 1_000,
    ...over,
  };
}
