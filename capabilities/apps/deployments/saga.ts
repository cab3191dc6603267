/** The saga log, as the seed calls it: the events of apps, by the operation that they belong to. */
import { decodeCursor, encodeCursor } from "@norns/kernel/http";
import { subject, subjectName, type Event } from "@norns/kernel/events";
import { idSchema, type AppName, type WorkspaceId } from "@norns/kernel/ids";
import type { SagaEventJson } from "./contract.ts";
import type { VerbDeps } from "./create.ts";

type Deps = Pick<VerbDeps, "events">;

const pageSize = 500;
/** Of other rooms' events are so many, at most, looked through for one page of apps' events. */
const mostPages = 10;

/** Newest first. */
export async function listSaga(
  { events }: Deps,
  workspace: WorkspaceId,
  query: { app?: AppName | undefined; limit: number; cursor?: string | undefined },
): Promise<{ events: SagaEventJson[]; cursor?: string }> {
  let before = query.cursor === undefined ? undefined : Number(decodeCursor(query.cursor, ["number"])[0]);
  const found: Event[] = [];
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await events.list({
      workspaces: [workspace],
      ...(query.app === undefined ? {} : { subject: subject("app", query.app) }),
      ...(before === undefined ? {} : { before }),
      limit: query.app === undefined ? pageSize : query.limit + 1,
      order: "desc",
    });
    found.push(...page.events.filter(isOfAnApp));
    before = page.events.at(-1)?.seq;
    if (found.length > query.limit || page.next === undefined) break;
  }
  const shown = found.slice(0, query.limit);
  const last = shown.at(-1);
  return { events: shown.map(toSagaEvent), ...(found.length > query.limit && last ? { cursor: encodeCursor([last.seq]) } : {}) };
}

/** Oldest first; nothing for an id that is none, or another workspace's. */
export async function getSaga({ events }: Deps, workspace: WorkspaceId, saga: string): Promise<SagaEventJson[]> {
  const id = idSchema("OperationId").safeParse(saga);
  if (!id.success) return [];
  const found: Event[] = [];
  let after: number | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await events.list({
      workspaces: [workspace],
      operation: id.data,
      ...(after === undefined ? {} : { after }),
      limit: pageSize,
      order: "asc",
    });
    found.push(...page.events);
    after = page.next;
    if (after === undefined) break;
  }
  return found.map(toSagaEvent);
}

const isOfAnApp = (event: Event): boolean => event.subject.startsWith("app:");

const toSagaEvent = (event: Event): SagaEventJson => ({
  id: event.id,
  sagaId: event.operation ?? "",
  timestamp: new Date(event.at).toISOString(),
  source: event.operation ? "pipeline" : "watcher",
  app: subjectName(event.subject),
  category: event.category,
  action: event.action,
  message: event.message,
  metadata: { ...event.metadata },
  seq: event.seq,
  actor: event.actor,
});
