/** Follows one operation to its end, drawing its thread, and says how it ended. */
import type { Operation } from "@norns/client";
import { CommandError, exitCodes } from "./exit.ts";
import type { Session } from "./session.ts";
import { openThreadView, type ThreadEvent } from "./thread.ts";

const ends = /\.(complete|failed|cancelled|undone|undo_failed)$/;

export async function followOperation(session: Session, id: string): Promise<Operation> {
  const first = await session.api("GET /api/operations/{id}", { params: { id } });
  const view = session.isJson
    ? undefined
    : openThreadView(
        session.terminal,
        first.steps.map((step) => step.name),
      );
  try {
    for await (const message of session.stream({ path: `/api/events?operation=${encodeURIComponent(id)}&after=0` })) {
      if (message.event === "gap") continue;
      const event = JSON.parse(message.data) as ThreadEvent;
      view?.update(event);
      // A room may tell of the failure before its steps are taken back: the operation itself says when it is over.
      if (ends.test(event.action) && !event.action.startsWith("step.") && (await isOver(session, id))) break;
    }
  } finally {
    view?.close();
  }
  if (session.signal.aborted)
    throw new CommandError(exitCodes.failed, "interrupted", "Stopped watching; the operation goes on.", {
      hint: `\`norns operations show ${id}\` shows it, \`norns operations cancel ${id}\` ends it.`,
    });
  return session.api("GET /api/operations/{id}", { params: { id } });
}

const isOver = async (session: Session, id: string): Promise<boolean> =>
  (await session.api("GET /api/operations/{id}", { params: { id } })).finishedAt !== undefined;

/** A finished operation as an exit code. */
export const exitOf = (operation: Operation) => (operation.state === "succeeded" ? exitCodes.done : exitCodes.failed);
