/** Reading the log, and forgetting its beginning. */
import { sql, type SelectQueryBuilder } from "kysely";
import type { Store } from "../database/index.ts";
import type { EventId, OperationId, WorkspaceId } from "../ids/index.ts";
import type { Event, EventFilter, EventPage, Subject } from "./contract.ts";
import type { EventRow, EventTables } from "./tables.ts";

export interface EventQuery extends EventFilter {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
  readonly order: "asc" | "desc";
}

/** `next` is the number to ask on from: as `after` going up, as `before` going down. */
export async function listEvents(store: Store, query: EventQuery): Promise<EventPage> {
  if (query.workspaces?.length === 0) return { events: [], next: undefined };
  const limit = Math.max(1, Math.min(1_000, Math.floor(query.limit)));
  let select = filtered(store, store.tables<EventTables>("kernel").selectFrom("events").selectAll(), query);
  if (query.after !== undefined) select = select.where("seq", ">", query.after);
  if (query.before !== undefined) select = select.where("seq", "<", query.before);
  const rows = await select
    .orderBy("seq", query.order)
    .limit(limit + 1)
    .execute();
  const events = rows.slice(0, limit).map(fromRow);
  return { events, next: rows.length > limit ? events.at(-1)!.seq : undefined };
}

/** True when the event is one that the filter asks for. The same rule as the query's, for events in memory. */
export function matches(event: Event, filter: EventFilter): boolean {
  if (filter.workspaces && !filter.workspaces.includes(event.workspace)) return false;
  if (filter.subject !== undefined && event.subject !== filter.subject) return false;
  if (filter.operation !== undefined && event.operation !== filter.operation) return false;
  return filter.category === undefined || event.category === filter.category;
}

export async function latestSeq(store: Store): Promise<number> {
  const { last } = await store
    .tables<EventTables>("kernel")
    .selectFrom("event_sequence")
    .select("last")
    .where("id", "=", 1)
    .executeTakeFirstOrThrow();
  return last;
}

/** The lowest number still kept; one above the latest when nothing is. */
export async function oldestSeq(store: Store): Promise<number> {
  const db = store.tables<EventTables>("kernel");
  const found = await db.selectFrom("events").select("seq").orderBy("seq", "asc").limit(1).executeTakeFirst();
  return found?.seq ?? (await latestSeq(store)) + 1;
}

/** How many rows one statement takes away: small enough to hold no lock for long. */
const pruneChunk = 5_000;

/**
 * Forgets the events before the first one at or after `before`, in small batches. What stays has no hole. Returns how
 * many went. Numbers are never given again.
 */
export async function pruneEvents(store: Store, before: number, signal?: AbortSignal): Promise<number> {
  const db = store.tables<EventTables>("kernel");
  const kept = await db.selectFrom("events").select("seq").where("at", ">=", before).orderBy("seq", "asc").limit(1).executeTakeFirst();
  const end = kept?.seq ?? (await latestSeq(store)) + 1;
  let removed = 0;
  for (;;) {
    signal?.throwIfAborted();
    const first = await db.selectFrom("events").select("seq").orderBy("seq", "asc").limit(1).executeTakeFirst();
    if (!first || first.seq >= end) return removed;
    const { numDeletedRows } = await db
      .deleteFrom("events")
      .where("seq", "<", Math.min(end, first.seq + pruneChunk))
      .executeTakeFirstOrThrow();
    removed += Number(numDeletedRows);
  }
}

type Select = SelectQueryBuilder<EventTables, "events", EventRow>;

function filtered(store: Store, select: Select, filter: EventFilter): Select {
  if (filter.subject !== undefined) select = select.where("subject", "=", filter.subject);
  if (filter.operation !== undefined) select = select.where("operation", "=", filter.operation);
  if (filter.category !== undefined) select = select.where("category", "=", filter.category);
  const { workspaces } = filter;
  if (workspaces?.length === 1) return select.where("workspace", "=", workspaces[0]!);
  if (workspaces) {
    const list = JSON.stringify(workspaces);
    const values =
      store.dialect === "postgres"
        ? sql<string>`(select jsonb_array_elements_text(${list}::jsonb))`
        : sql<string>`(select value from json_each(${list}))`;
    return select.where("workspace", "in", values);
  }
  return select;
}

function fromRow(row: EventRow): Event {
  const { operation, metadata, ...rest } = row;
  return {
    ...rest,
    // The log is written by `append` alone, whose types these were.
    id: row.id as EventId,
    workspace: row.workspace as WorkspaceId,
    subject: row.subject as Subject,
    metadata: JSON.parse(metadata) as Record<string, string>,
    ...(operation === null ? {} : { operation: operation as OperationId }),
  };
}
