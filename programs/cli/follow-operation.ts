/** Follows one operation to its end, drawing its thread, and says how it ended. */
import { toPath, type Operation } from "@norns/client";
import { CommandError, exitCodes } from "./exit.ts";
import type { Session } from "./session.ts";
import { readOutput, showOutput } from "./step-output.ts";
import { openThreadView, type ThreadEvent, type ThreadView } from "./thread.ts";

const ends = /\.(complete|failed|cancelled|undone|undo_failed)$/;

/** `withOutput`: what its steps print is shown as they print it. */
export async function followOperation(session: Session, id: string, options: { withOutput?: boolean } = {}): Promise<Operation> {
  const first = await session.api("GET /api/operations/{id}", { params: { id } });
  const view = session.isJson
    ? undefined
    : openThreadView(
        session.terminal,
        first.steps.map((step) => step.name),
      );
  const output = view && options.withOutput ? printOutput(session, id, view) : undefined;
  try {
    await untilOver(session, id, view);
    await output;
  } catch (error) {
    if (!session.signal.aborted) throw error;
  } finally {
    view?.close();
  }
  if (session.signal.aborted)
    throw new CommandError(exitCodes.interrupted, "interrupted", "Stopped watching; the operation goes on.", {
      hint: `\`norns operations show ${id}\` shows it, \`norns operations cancel ${id}\` ends it.`,
    });
  return session.api("GET /api/operations/{id}", { params: { id } });
}

async function untilOver(session: Session, id: string, view: ThreadView | undefined): Promise<void> {
  const { path } = toPath("GET /api/events", { query: { operation: id, after: 0 } });
  for await (const message of session.stream({ path })) {
    if (message.event === "gap") continue;
    const event = JSON.parse(message.data) as ThreadEvent;
    view?.update(event);
    // A room may tell of the failure before its steps are taken back: the operation itself says when it is over.
    if (ends.test(event.action) && !event.action.startsWith("step.") && (await isOver(session, id))) return;
  }
}

async function printOutput(session: Session, id: string, view: ThreadView): Promise<void> {
  for await (const chunk of readOutput(session, id, { follow: true }))
    for (const line of showOutput(chunk, session.terminal)) view.line(line);
}

const isOver = async (session: Session, id: string): Promise<boolean> =>
  (await session.api("GET /api/operations/{id}", { params: { id } })).finishedAt !== undefined;

/** A finished operation as an exit code. */
export const exitOf = (operation: Operation) => (operation.state === "succeeded" ? exitCodes.done : exitCodes.failed);
