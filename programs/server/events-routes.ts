/** `/api/events`: the log as pages of JSON, or, to readers of `text/event-stream`, live and resumable. */
import type { Action } from "@norns/kernel/actor";
import { subject, type Events } from "@norns/kernel/events";
import { addRoute, eventStream, linkNextPage, z, type Router, type ServerSentEvent } from "@norns/kernel/http";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { invalid } from "@norns/kernel/errors";

export const readEvents: Action = { name: "events.read", role: "viewer", scope: "apps:read" };

const eventAnswer = z
  .object({
    seq: z.number().int(),
    id: z.string(),
    at: z.number().int().openapi({ description: "Milliseconds since the epoch." }),
    actor: z.string(),
    workspace: z.string(),
    subject: z.string().openapi({ example: "app:hello" }),
    operation: z.string().optional(),
    category: z.string(),
    action: z.string().openapi({ example: "deploy.start" }),
    message: z.string(),
    metadata: z.record(z.string(), z.string()),
  })
  .openapi("Event");

const query = z.object({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .openapi({ description: "Only events behind this number, oldest first. A stream goes on live; without it a stream starts now." }),
  before: z.coerce.number().int().min(0).optional().openapi({ description: "Only events before this number, newest first." }),
  subject: z
    .string()
    .max(200)
    .regex(/^[a-z-]+:.+$/, "looks like app:hello")
    .optional(),
  app: z.string().max(63).optional().openapi({ description: "Short for `subject=app:<name>`." }),
  operation: z.string().max(64).optional(),
  category: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z
    .string()
    .regex(/^(after|before)-\d{1,15}$/, "take it from the Link header")
    .optional(),
});
type Query = z.infer<typeof query>;

export function eventsRoutes(router: Router, events: Events): void {
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
      query,
      answer: z.array(eventAnswer),
    },
    async (request) => {
      const { workspace, query: asked, context } = request;
      const filter = filterOf(asked, workspace);
      if (context.req.header("accept")?.includes("text/event-stream")) {
        const after = lastEventId(context.req.header("last-event-id")) ?? asked.after;
        return eventStream(request, (signal) => records(events, { ...filter, ...(after === undefined ? {} : { after }), signal }));
      }
      const { after, before, order } = positionOf(asked);
      const page = await events.list({
        ...filter,
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
        limit: asked.limit,
        order,
      });
      linkNextPage(context, page.next === undefined ? undefined : `${order === "asc" ? "after" : "before"}-${page.next}`);
      return page.events;
    },
  );
}

function filterOf({ subject: named, app, operation, category }: Query, workspace: WorkspaceId) {
  if (named && app) throw invalid("invalid_request", "Give subject or app, not both.");
  const [kind, name] = named ? (named.split(/:(.*)/s) as [string, string]) : ["app", app];
  return {
    workspaces: [workspace],
    ...(name === undefined ? {} : { subject: subject(kind, name) }),
    // The cast: an id that is none simply matches nothing.
    ...(operation === undefined ? {} : { operation: operation as OperationId }),
    ...(category === undefined ? {} : { category }),
  };
}

function positionOf({ after, before, cursor }: Query): { after?: number; before?: number; order: "asc" | "desc" } {
  const [direction, seq] = cursor?.split("-") ?? [];
  if (direction === "after") return { after: Number(seq), order: "asc" };
  if (direction === "before") return { before: Number(seq), order: "desc", ...(after === undefined ? {} : { after }) };
  return {
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    order: after === undefined ? "desc" : "asc",
  };
}

const lastEventId = (header: string | undefined): number | undefined => (header && /^\d{1,15}$/.test(header) ? Number(header) : undefined);

async function* records(events: Events, follow: Parameters<Events["follow"]>[0]): AsyncGenerator<ServerSentEvent> {
  for await (const item of events.follow(follow))
    yield "gap" in item
      ? // Its id is the last number missed: a reconnect goes on behind the gap and is not told of it again.
        { id: String(item.gap.to), event: "gap", data: JSON.stringify(item.gap) }
      : { id: String(item.seq), data: JSON.stringify(item) };
}
