/**
 * `/ws` as the server composes it (compose/http.ts): its sockets, its event log and its rooms' messages on a database of
 * its own, and a writer in the same process, as in `npm start`: each event is a durable commit of its own.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createPostgresNotifier, openPostgres } from "@norns/adapters/stores/postgres";
import { deploymentsSocketMessage } from "@norns/capabilities/apps/deployments";
import { processesSocketMessage } from "@norns/capabilities/apps/processes";
import type { Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { migrate, Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject, type EventLog } from "@norns/kernel/events";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { createLiveStreams } from "../../programs/server/live-streams.ts";
import { createSockets } from "../../programs/server/sockets/index.ts";
import { answerParent } from "./answer.ts";
import { atRate } from "./rate.ts";

const workspace = "ws_00000000000000000000000000" as WorkspaceId;
const closing = new AsyncDisposableStack();
let events: EventLog | undefined;
let commitOne: (() => Promise<void>) | undefined;

async function listen({ databaseUrl, poolSize }: { databaseUrl: string; poolSize: number }): Promise<{ port: number }> {
  const store = openPostgres({ url: databaseUrl, poolSize });
  closing.defer(() => store.close());
  await migrate(store, [kernelMigrations]);
  const notifier = createPostgresNotifier({ store, log: silentLog });
  closing.defer(() => notifier.close());
  const log = (events = createEvents({ store, clock: systemClock, notifier }));
  const actor: Actor = {
    kind: "user",
    id: "usr_ada",
    label: "ada",
    via: "session",
    roles: { [workspace]: "viewer" },
    scopes: "all",
    isPlatformAdmin: false,
    homeWorkspace: workspace,
  };
  const sockets = createSockets({
    events: log,
    streams: createLiveStreams(() => () => {}),
    rooms: [deploymentsSocketMessage, processesSocketMessage],
    log: silentLog,
    resolveActor: async () => actor,
    resolveWorkspace: async () => workspace,
    ownOrigin: () => undefined,
    remoteAddress: (request) => request.socket.remoteAddress ?? "",
  });
  const http = createServer();
  http.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve) => http.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, resolve));
  commitOne = async () => {
    const write = new Write();
    log.append(write, {
      workspace,
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
  return { port: (http.address() as AddressInfo).port };
}

/** The time of an event is that before its commit began. One after another, so that numbers follow the order of the times. */
async function send({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<{ first: number; sentAt: number[] }> {
  const first = (await events!.latest()) + 1;
  let previous = Promise.resolve();
  const sentAt = await atRate(perSecond, seconds, () => (previous = previous.then(commitOne!)));
  return { first, sentAt };
}

const handlers = { listen, send };
export type OurSockets = typeof handlers;
answerParent(handlers, () => closing.disposeAsync());
