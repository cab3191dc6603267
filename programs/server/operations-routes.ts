/** `/api/operations`: every durable piece of work, of whatever room: listed, shown with its steps, cancelled, retried. */
import { startedSchema, toStarted } from "@norns/capabilities/apps/wire";
import { authorise, type Action, type Actor } from "@norns/kernel/actor";
import { notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { addRoute, linkNextPage, pageQuery, z, type Router } from "@norns/kernel/http";
import { idSchema, type OperationId, type WorkspaceId } from "@norns/kernel/ids";
import { operationStates, stepStates, type Ledger, type Operation, type OperationStep } from "@norns/kernel/ledger";

export const readOperations: Action = { name: "operations.read", role: "viewer", scope: "apps:read" };
export const steerOperations: Action = { name: "operations.steer", role: "editor", scope: "apps:write" };

const errorAnswer = z
  .object({ kind: z.string(), code: z.string(), message: z.string(), step: z.string().optional(), details: z.unknown().optional() })
  .openapi("OperationError");

const operationAnswer = z
  .object({
    id: z.string(),
    sagaId: z.string().openapi({ description: "The same as `id`." }),
    seq: z.number().int(),
    name: z.string().openapi({ example: "apps.deploy" }),
    queue: z.string(),
    category: z.string(),
    workspace: z.string(),
    subject: z.string().openapi({ example: "app:hello" }),
    state: z.enum(operationStates),
    actor: z.string(),
    attempt: z.number().int(),
    node: z.string().optional(),
    error: errorAnswer.optional(),
    cancelRequestedAt: z.number().int().optional(),
    runAfter: z.number().int().optional(),
    createdAt: z.number().int().openapi({ description: "Milliseconds since the epoch, as all times here." }),
    startedAt: z.number().int().optional(),
    updatedAt: z.number().int(),
    finishedAt: z.number().int().optional(),
  })
  .openapi("OperationSummary");

const stepAnswer = z
  .object({
    name: z.string(),
    position: z.number().int(),
    state: z.enum(stepStates),
    attempt: z.number().int(),
    startedAt: z.number().int().optional(),
    finishedAt: z.number().int().optional(),
    error: errorAnswer.optional(),
    skipReason: z.string().optional(),
  })
  .openapi("OperationStep");

const wholeAnswer = operationAnswer.extend({ steps: z.array(stepAnswer) }).openapi("Operation");

const queueAnswer = z
  .object({
    queue: z.string(),
    queued: z.number().int(),
    running: z.number().int(),
    dead: z.number().int().openapi({ description: "Failed, undone and undo_failed operations, for a person to look at." }),
    oldestQueuedAt: z.number().int().optional(),
  })
  .openapi("Queue");

const params = z.object({ id: idSchema("OperationId") });

const listQuery = pageQuery().extend({
  state: z.enum(operationStates).optional(),
  queue: z.string().max(64).optional(),
  name: z.string().max(100).optional(),
  subject: z
    .string()
    .max(200)
    .regex(/^[a-z-]+:.+$/, "looks like app:hello")
    .optional(),
  app: z.string().max(63).optional().openapi({ description: "Short for `subject=app:<name>`." }),
});

export function operationsRoutes(router: Router, ledger: Ledger, defaultWorkspace: WorkspaceId): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/operations",
      summary: "List operations, newest first",
      tag: "Operations",
      access: { action: readOperations },
      query: listQuery,
      answer: z.array(operationAnswer),
    },
    async ({ workspace, query, context }) => {
      const page = await ledger.list({
        workspaces: [workspace],
        ...filterOf(query),
        limit: query.limit,
        ...(query.cursor ? { cursor: query.cursor } : {}),
      });
      linkNextPage(context, page.cursor);
      return page.operations.map(toAnswer);
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/operations/queues",
      summary: "Show the depth and age of every queue",
      tag: "Operations",
      description: "Of the whole installation, so it takes a member of workspace `default`.",
      access: { action: { name: "operations.queues", role: "viewer", scope: "monitoring:read" } },
      workspace: () => defaultWorkspace,
      answer: z.array(queueAnswer),
    },
    async () => [...(await ledger.queues())],
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/operations/dead",
      summary: "List the dead letters of one queue, or of all",
      description: "Operations that ended failed, undone or undo_failed. Each can be retried from its failed step.",
      tag: "Operations",
      access: { action: readOperations },
      query: pageQuery().extend({ queue: z.string().max(64).optional() }),
      answer: z.array(operationAnswer),
    },
    async ({ workspace, query, context }) => {
      const page = await ledger.deadLetters({
        workspaces: [workspace],
        ...(query.queue ? { queue: query.queue } : {}),
        limit: query.limit,
        ...(query.cursor ? { cursor: query.cursor } : {}),
      });
      linkNextPage(context, page.cursor);
      return page.operations.map(toAnswer);
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/operations/{id}",
      summary: "Show an operation with its steps",
      tag: "Operations",
      access: { action: readOperations },
      params,
      answer: wholeAnswer,
    },
    async ({ params: { id }, actor }) => {
      const operation = await getOwn(ledger, id, actor, readOperations);
      return { ...toAnswer(operation), steps: operation.steps.map(toStepAnswer) };
    },
  );

  for (const [verb, summary, description] of [
    [
      "cancel",
      "Ask an operation to end",
      "Its running step is told to stop and what was done is taken back. Conflict when it has ended already.",
    ],
    ["retry", "Run a dead letter again, from its failed step", "Conflict unless it is failed, undone or undo_failed."],
  ] as const)
    addRoute(
      router,
      {
        method: "post",
        path: `/api/operations/{id}/${verb}`,
        summary,
        description,
        tag: "Operations",
        access: { action: steerOperations },
        params,
        status: 202,
        answer: startedSchema,
      },
      async ({ params: { id }, actor }) => {
        await getOwn(ledger, id, actor, steerOperations);
        await ledger[verb](id, { label: actor.label });
        return toStarted(id, verb === "cancel" ? "cancelling" : "queued");
      },
    );
}

/** The operation, if it is of a workspace where the actor may do this; its own workspace decides, not the request's. */
async function getOwn(ledger: Ledger, id: OperationId, actor: Actor, action: Action) {
  const operation = await ledger.find(id);
  if (!operation || !actor.roles[operation.workspace]) throw notFound("operation_not_found", `There is no operation ${id}.`);
  authorise(actor, action, operation);
  return operation;
}

function filterOf({ state, queue, name, subject: named, app }: z.infer<typeof listQuery>) {
  const [kind, of] = named ? (named.split(/:(.*)/s) as [string, string]) : ["app", app];
  return {
    ...(state ? { states: [state] } : {}),
    ...(queue ? { queue } : {}),
    ...(name ? { name } : {}),
    ...(of === undefined ? {} : { subject: subject(kind, of) }),
  };
}

type Answer = z.infer<typeof operationAnswer>;

function toAnswer(operation: Operation): Answer {
  const {
    id,
    seq,
    name,
    queue,
    category,
    workspace,
    state,
    actor,
    attempt,
    node,
    error,
    cancelRequestedAt,
    runAfter,
    createdAt,
    startedAt,
    updatedAt,
    finishedAt,
  } = operation;
  return {
    id,
    sagaId: id,
    seq,
    name,
    queue,
    category,
    workspace,
    subject: operation.subject,
    state,
    actor,
    attempt,
    node,
    error,
    cancelRequestedAt,
    runAfter,
    createdAt,
    startedAt,
    updatedAt,
    finishedAt,
  };
}

/** Without the output: what a step hands to the next one is not for callers. */
const toStepAnswer = ({
  name,
  position,
  state,
  attempt,
  startedAt,
  finishedAt,
  error,
  skipReason,
}: OperationStep): z.infer<typeof stepAnswer> => ({
  name,
  position,
  state,
  attempt,
  startedAt,
  finishedAt,
  error,
  skipReason,
});
