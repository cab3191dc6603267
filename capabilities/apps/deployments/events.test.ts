import { describe, expect, it } from "vitest";
import { subject, type Event } from "@norns/kernel/events";
import { newId } from "@norns/kernel/ids";
import { deploymentsSocketMessage } from "./events.ts";

const operation = newId("OperationId");
const event = (category: string, action: string, metadata: Record<string, string> = {}, message = "what happened"): Event => ({
  seq: 1,
  id: newId("EventId"),
  at: 0,
  workspace: newId("WorkspaceId"),
  subject: subject("app", "hello"),
  operation,
  category,
  action,
  message,
  metadata,
  actor: "me",
});

describe("deploymentsSocketMessage", () => {
  it("says steps as the seed says them", () => {
    expect(deploymentsSocketMessage(event("deploy", "step.start", { step: "build", index: "1", total: "9" }))).toEqual({
      type: "deploy.step",
      appId: "hello",
      payload: { sagaId: operation, step: "build", index: "1", total: "9", status: "running" },
    });
    expect(deploymentsSocketMessage(event("rollback", "step.skipped", { step: "forge" }))?.payload["status"]).toBe("skipped");
  });

  it("says progress, completion and failure, rollbacks' too", () => {
    expect(deploymentsSocketMessage(event("deploy", "step.progress", { step: "healthy" }, "web.0: answers 503"))).toMatchObject({
      type: "deploy.progress",
      payload: { step: "healthy", message: "web.0: answers 503" },
    });
    expect(deploymentsSocketMessage(event("rollback", "rollback.deployed", { imageTag: "hello:a1b2c3d4e5f6" }))).toMatchObject({
      type: "deploy.completed",
      payload: { imageTag: "hello:a1b2c3d4e5f6" },
    });
    expect(deploymentsSocketMessage(event("deploy", "deploy.failed", {}, "Release 4 stays in service."))).toMatchObject({
      type: "deploy.failed",
      payload: { error: "Release 4 stays in service." },
    });
    expect(deploymentsSocketMessage(event("preflight", "preflight.complete"))?.type).toBe("preflight.completed");
  });

  it("keeps silent about everything else", () => {
    expect(deploymentsSocketMessage(event("restart", "step.start"))).toBeUndefined();
    expect(deploymentsSocketMessage(event("deploy", "deploy.start"))).toBeUndefined();
  });
});
