import type { SocketMessage } from "@norns/capabilities/apps/processes";
import { subjectName, type Event } from "@norns/kernel/events";

const stepStatus: Readonly<Record<string, string>> = {
  "step.start": "running",
  "step.complete": "complete",
  "step.skipped": "skipped",
  "step.failed": "failed",
  "step.undone": "undone",
};

/**
 * Events of deployments, rollbacks and preflights as the seed's `/ws` messages: `deploy.step`, `deploy.progress`,
 * `deploy.completed`, `deploy.failed` (and `preflight.…`). Undefined for all others.
 */
export function deploymentsSocketMessage(event: Event): SocketMessage | undefined {
  const { category, action, metadata } = event;
  if (!event.operation || !["deploy", "rollback", "preflight"].includes(category)) return undefined;
  const wing = category === "preflight" ? "preflight" : "deploy";
  const message = (type: string, payload: Readonly<Record<string, string>>): SocketMessage => ({
    type: `${wing}.${type}`,
    appId: subjectName(event.subject),
    payload: { sagaId: event.operation!, ...payload },
  });

  const status = stepStatus[action];
  if (status !== undefined) return message("step", { ...metadata, status });
  if (action === "step.progress" || action === "source.provenance" || action.startsWith("forge."))
    return message("progress", { step: "clone", ...metadata, message: event.message });
  if (action === "deploy.deployed" || action === "rollback.deployed") return message("completed", { ...metadata });
  if (action === "preflight.complete") return message("completed", {});
  if (action === "deploy.failed" || action === "rollback.failed" || action === "preflight.failed" || action === "preflight.undone")
    return message("failed", { ...metadata, error: event.message });
  return undefined;
}
