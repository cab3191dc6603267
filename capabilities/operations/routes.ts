/** `/api/operations`: every durable piece of work, of whatever room: listed, shown with its steps, cancelled, retried. */
import type { Audit } from "@norns/capabilities/identity/audit";
import { onceForEach } from "@norns/kernel/events";
import { addRoute, linkNextPage, z, type Router } from "@norns/kernel/http";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { Ledger, Operation, OperationStep } from "@norns/kernel/ledger";
import {
  deadLettersQuery,
  operationParams,
  operationsQuery,
  operationStep,
  operationSummary,
  queueAnswer,
  startedSchema,
  toStarted,
  wholeOperation,
} from "./contract.ts";
import { readOperations, readQueues, steerOperations } from "./policy.ts";
import { cancelOperation, getOperation, retryOperation } from "./steer.ts";
import { subjectOf } from "./subject-filter.ts";

export interface OperationRoutesDeps {
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly defaultWorkspace: WorkspaceId;
}

export function operationRoutes(router: Router, room: OperationRoutesDeps): void {
  const { ledger } = room;
  // The ledger hands out the same page until something on it has changed.
  const jsonOf = onceForEach((page: { readonly operations: readonly Operation[] }) =>
    new TextEncoder().encode(JSON.stringify(page.operations.map(toAnswer))),
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/operations",
      summary: "List operations, newest first",
      tag: "Operations",
      access: { action: readOperations },
      query: operationsQuery,
      answer: z.array(operationSummary),
    },
    async ({ workspace, query, context }) => {
      const page = await ledger.list({
        workspaces: [workspace],
        ...filterOf(query),
        limit: query.limit,
        ...(query.cursor ? { cursor: query.cursor } : {}),
      });
      linkNextPage(context, page.cursor);
      return context.body(jsonOf(page), 200, { "Content-Type": "application/json" });
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
      access: { action: readQueues },
      workspace: () => room.defaultWorkspace,
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
      query: deadLettersQuery,
      answer: z.array(operationSummary),
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
      params: operationParams,
      answer: wholeOperation,
    },
    async ({ params: { id }, actor }) => {
      const operation = await getOperation(ledger, id, actor, readOperations);
      return { ...toAnswer(operation), steps: operation.steps.map(toStepAnswer) };
    },
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/operations/{id}/cancel",
      summary: "Ask an operation to end",
      description: "Its running step is told to stop and what was done is taken back. Conflict when it has ended already.",
      tag: "Operations",
      access: { action: steerOperations },
      params: operationParams,
      status: 202,
      answer: startedSchema,
    },
    async ({ params: { id }, actor, scope: { requestId } }) => {
      await cancelOperation(room, id, { actor, requestId });
      return toStarted(id, "cancelling");
    },
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/operations/{id}/retry",
      summary: "Run a dead letter again, from its failed step",
      description: "Conflict unless it is failed, undone or undo_failed.",
      tag: "Operations",
      access: { action: steerOperations },
      params: operationParams,
      status: 202,
      answer: startedSchema,
    },
    async ({ params: { id }, actor, scope: { requestId } }) => {
      await retryOperation(room, id, { actor, requestId });
      return toStarted(id, "queued");
    },
  );
}

function filterOf(query: z.infer<typeof operationsQuery>) {
  const { state, queue, name } = query;
  return { ...(state ? { states: [state] } : {}), ...(queue ? { queue } : {}), ...(name ? { name } : {}), ...subjectOf(query) };
}

type Answer = z.infer<typeof operationSummary>;

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
}: OperationStep): z.infer<typeof operationStep> => ({
  name,
  position,
  state,
  attempt,
  startedAt,
  finishedAt,
  error,
  skipReason,
});
