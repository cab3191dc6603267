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
let commitOne: ((mark: string) => Promise<void>) | undefined;

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
  commitOne = async (mark) => {
    const write = new Write();
    log.append(write, {
      workspace,
      operation: "op_00000000000000000000000000" as OperationId,
      subject: subject("app", "hello"),
      category: "deploy",
      action: "step.progress",
      message: "added 214 packages, and audited 215 packages in 3s; 31 packages are looking for funding",
      actor: "bench",
      metadata: { step: "build", stream: "stdout", mark },
    });
    await write.commit(store);
  };
  return { port: (http.address() as AddressInfo).port };
}

/**
 * The time of an event is that before its commit began. Each begins when it is due, as those of different operations do;
 * which number it got is read from the log.
 */
async function send({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<{ first: number; sentAt: number[] }> {
  const first = (await events!.latest()) + 1;
  const marks: number[] = [];
  const reading = new AbortController();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  events!.push(
    { after: first - 1, signal: reading.signal },
    {
      event(event) {
        marks[event.seq - first] = Number(event.metadata["mark"]);
        if (event.seq - first + 1 === perSecond * seconds) resolve();
      },
      gap: ({ gap }) => Promise.reject(new Error(`The writer missed ${gap.from} to ${gap.to}.`)),
    },
  );
  let next = 0;
  const begun = await atRate(perSecond, seconds, () => commitOne!(String(next++).padStart(6, "0")));
  await all;
  reading.abort();
  return { first, sentAt: marks.map((mark) => begun[mark]!) };
}

const handlers = { listen, send };
export type OurSockets = typeof handlers;
answerParent(handlers, () => closing.disposeAsync());
