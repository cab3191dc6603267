/**
 * What followers are told. Two events an operation always, `<category>.start` when it is accepted and one at its end;
 * a start and an end for each step when the definition announces them. Metadata are small facts, never output.
 */
import type { NewEvent } from "../events/index.ts";
import type { OperationId, WorkspaceId } from "../ids/index.ts";
import type { Subject } from "../events/index.ts";
import type { OperationError, OperationState } from "./contract.ts";
import type { OperationsTable } from "./tables.ts";

type About = Pick<OperationsTable, "id" | "workspace" | "subject" | "category" | "name" | "actor">;

const event = (about: About, action: string, message: string, metadata: Readonly<Record<string, string>>): NewEvent => ({
  workspace: about.workspace as WorkspaceId,
  subject: about.subject as Subject,
  operation: about.id as OperationId,
  category: about.category,
  action,
  message,
  metadata,
  actor: about.actor,
});

export const operationStarted = (about: About): NewEvent =>
  event(about, `${about.category}.start`, `${about.name} of ${about.subject} is accepted`, { name: about.name });

export const operationRetried = (about: About, by: string): NewEvent => ({
  ...event(about, `${about.category}.retry`, `${about.name} of ${about.subject} is run again`, { name: about.name }),
  actor: by,
});

export const cancelRequested = (about: About, by: string): NewEvent => ({
  ...event(about, `${about.category}.cancel`, `${about.name} of ${about.subject} is to be cancelled`, { name: about.name }),
  actor: by,
});

/** `succeeded` is told as `complete`, the word that the seed system's readers know. */
export const endAction: Readonly<Partial<Record<OperationState, string>>> = {
  succeeded: "complete",
  failed: "failed",
  cancelled: "cancelled",
  undone: "undone",
  undo_failed: "undo_failed",
};

export function operationEnded(about: About, state: OperationState, error: OperationError | undefined, durationMs: number): NewEvent {
  const metadata: Record<string, string> = { name: about.name, state, durationMs: String(durationMs) };
  if (error) metadata["code"] = error.code;
  if (error?.step) metadata["step"] = error.step;
  const action = endAction[state] ?? state;
  return event(about, `${about.category}.${action}`, error ? error.message : `${about.name} of ${about.subject} ${state}`, metadata);
}

export interface StepNews {
  readonly step: string;
  readonly index: number;
  readonly total: number;
  readonly attempt: number;
  readonly durationMs?: number;
  readonly error?: OperationError;
  readonly retryInMs?: number | undefined;
  readonly reason?: string;
}

export function stepEvent(
  about: About,
  action: "start" | "complete" | "skipped" | "failed" | "undone" | "undo_failed",
  news: StepNews,
): NewEvent {
  const metadata: Record<string, string> = {
    step: news.step,
    index: String(news.index),
    total: String(news.total),
    attempt: String(news.attempt),
  };
  if (news.durationMs !== undefined) metadata["durationMs"] = String(news.durationMs);
  if (news.error) metadata["error"] = news.error.code;
  if (news.retryInMs !== undefined) metadata["retryInMs"] = String(news.retryInMs);
  if (news.reason !== undefined) metadata["reason"] = news.reason;
  const said = {
    start: "started",
    complete: "complete",
    skipped: "skipped",
    failed: "failed",
    undone: "taken back",
    undo_failed: "could not be taken back",
  };
  const why = news.error?.message ?? news.reason;
  return event(about, `step.${action}`, `${news.step} ${said[action]}${why ? `: ${why}` : ""}`, metadata);
}

export const stepProgress = (about: About, step: string, message: string, metadata: Readonly<Record<string, string>>): NewEvent =>
  event(about, "step.progress", message, { ...metadata, step });
