/** `/api/events`: the log as pages of JSON, or, to readers of `text/event-stream`, live and resumable. */
import { invalid } from "@norns/kernel/errors";
import type { Events } from "@norns/kernel/events";
import { addRoute, decodeCursor, encodeCursor, eventStream, linkNextPage, z, type Router, type ServerSentEvent } from "@norns/kernel/http";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { eventAnswer, eventsQuery, type EventsQuery } from "./contract.ts";
import { readEvents } from "./policy.ts";
import { subjectOf } from "./subject-filter.ts";

export function eventRoutes(router: Router, events: Events): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/events",
      summary: "List what happened, or follow it live",
      description:
        "JSON by default, newest first (oldest first with `after`). With `Accept: text/event-stream` a stream: each record's id is the event's `seq`, so a reader " +
        "that reconnects with `Last-Event-ID` misses nothing; what is no longer kept comes as `event: gap` with `{from, to}`.",
      tag: "Events",
      access: { action: readEvents },
      query: eventsQuery,
      answer: z.array(eventAnswer),
      answerTypes: ["text/event-stream"],
    },
    async (request) => {
      const { workspace, query: asked, context } = request;
      const filter = filterOf(asked, workspace);
      if (context.req.header("accept")?.includes("text/event-stream")) {
        const after = lastEventId(context.req.header("last-event-id")) ?? asked.after;
        return eventStream(request, (signal) => records(events, { ...filter, ...(after === undefined ? {} : { after }), signal }));
      }
      const position = positionOf(asked);
      const page = await events.list({ ...filter, ...position, limit: asked.limit });
      linkNextPage(context, page.next === undefined ? undefined : encodeCursor([position.order, page.next]));
      return page.events;
    },
  );
}

function filterOf(query: EventsQuery, workspace: WorkspaceId) {
  const { operation, category } = query;
  return {
    workspaces: [workspace],
    ...subjectOf(query),
    // The cast: an id that is none simply matches nothing.
    ...(operation === undefined ? {} : { operation: operation as OperationId }),
    ...(category === undefined ? {} : { category }),
  };
}

/** Where the page begins: the cursor moves the end that was read from, the other stays as it was asked for. */
function positionOf({ after, before, cursor }: EventsQuery): { after?: number; before?: number; order: "asc" | "desc" } {
  const order = after === undefined ? "desc" : "asc";
  const bounds = { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
  if (cursor === undefined) return { ...bounds, order };
  const [direction, seq] = decodeCursor(cursor, ["string", "number"]) as ["asc" | "desc", number];
  if (direction !== order || !Number.isSafeInteger(seq))
    throw invalid("invalid_cursor", "The cursor is of another list. Take it from the Link header of the page before, with the same query.");
  return { ...bounds, ...(order === "asc" ? { after: seq } : { before: seq }), order };
}

const lastEventId = (header: string | undefined): number | undefined => (header && /^\d{1,15}$/.test(header) ? Number(header) : undefined);

async function* records(events: Events, follow: Parameters<Events["follow"]>[0]): AsyncGenerator<ServerSentEvent> {
  for await (const item of events.follow(follow))
    yield "gap" in item
      ? // Its id is the last number missed: a reconnect goes on behind the gap and is not told of it again.
        { id: String(item.gap.to), event: "gap", data: JSON.stringify(item.gap) }
      : { id: String(item.seq), data: JSON.stringify(item) };
}
