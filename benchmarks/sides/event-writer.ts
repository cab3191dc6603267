/** A worker of another process: appends events to the server's log, each in a commit of its own. */
import { createPostgresNotifier, openPostgres } from "@norns/adapters/stores/postgres";
import { systemClock } from "@norns/kernel/clock";
import { Write } from "@norns/kernel/database";
import { createEvents, subject, type EventLog } from "@norns/kernel/events";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { answerParent } from "./answer.ts";
import { atRate } from "./rate.ts";

const closing = new AsyncDisposableStack();
let commitOne: (() => Promise<void>) | undefined;
let log: EventLog | undefined;

async function open({ databaseUrl, workspace }: { databaseUrl: string; workspace: string }): Promise<void> {
  const store = openPostgres({ url: databaseUrl, poolSize: 10 });
  closing.defer(() => store.close());
  const notifier = createPostgresNotifier({ store, log: silentLog });
  closing.defer(() => notifier.close());
  const events = (log = createEvents({ store, clock: systemClock, notifier }));
  commitOne = async () => {
    const write = new Write();
    events.append(write, {
      // The casts: this side plays a worker of the workspace that the server itself named.
      workspace: workspace as WorkspaceId,
      operation: "op_00000000000000000000000000" as OperationId,
      subject: subject("app", "hello"),
      category: "deploy",
      action: "step.progress",
      message: "added 214 packages, and audited 215 packages in 3s; 31 packages are looking for funding",
      actor: "bench",
      metadata: { step: "build", stream: "stdout" },
    });
    await write.commit(store);
  };
}

/** The time of an event is that before its commit began. */
async function send({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<{ first: number; sentAt: number[] }> {
  const first = (await log!.latest()) + 1;
  let previous = Promise.resolve();
  // One after another, so that numbers follow the order of the times.
  const sentAt = await atRate(perSecond, seconds, () => (previous = previous.then(commitOne!)));
  return { first, sentAt };
}

const handlers = { open, send };
export type EventWriter = typeof handlers;
answerParent(handlers, () => closing.disposeAsync());
