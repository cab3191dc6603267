/** Operations and events on the wire. Times are milliseconds since the epoch. */
import { pageQuery, z } from "@norns/kernel/http";
import { idSchema, type OperationId } from "@norns/kernel/ids";
import { operationStates, stepStates } from "@norns/kernel/ledger";

export const startedFields = z.object({
  sagaId: z.string().openapi({ description: "The same as `operationId`, under the seed's name." }),
  operationId: z.string().openapi({ description: "Follow it at `/api/operations/{id}`." }),
  status: z.string().openapi({ description: "What was asked for; the operation says when it is so." }),
});
/** The answer to everything that goes on after it: an operation was started, or is steered. */
export const startedSchema = startedFields.openapi("Started");

export const toStarted = (operation: OperationId, status: string): z.infer<typeof startedSchema> => ({
  sagaId: operation,
  operationId: operation,
  status,
});

const errorAnswer = z
  .object({ kind: z.string(), code: z.string(), message: z.string(), step: z.string().optional(), details: z.unknown().optional() })
  .openapi("OperationError");

export const operationSummary = z
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

export const operationStep = z
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

export const wholeOperation = operationSummary.extend({ steps: z.array(operationStep) }).openapi("Operation");

export const queueAnswer = z
  .object({
    queue: z.string(),
    queued: z.number().int(),
    running: z.number().int(),
    dead: z.number().int().openapi({ description: "Failed, undone and undo_failed operations, for a person to look at." }),
    oldestQueuedAt: z.number().int().optional(),
  })
  .openapi("Queue");

export const operationParams = z.object({ id: idSchema("OperationId") });

/** What something happened to. Give one of the two. */
const subjectFilter = {
  subject: z
    .string()
    .max(200)
    .regex(/^[a-z-]+:.+$/, "looks like app:hello")
    .optional(),
  app: z.string().max(63).optional().openapi({ description: "Short for `subject=app:<name>`. Give one of the two." }),
};

export const operationsQuery = pageQuery().extend({
  state: z.enum(operationStates).optional(),
  queue: z.string().max(64).optional(),
  name: z.string().max(100).optional(),
  ...subjectFilter,
});

export const deadLettersQuery = pageQuery().extend({ queue: z.string().max(64).optional() });

export const eventAnswer = z
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

export const eventsQuery = pageQuery(100, 500).extend({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .openapi({ description: "Only events behind this number, oldest first. A stream goes on live; without it a stream starts now." }),
  before: z.coerce.number().int().min(0).optional().openapi({ description: "Only events before this number, newest first." }),
  ...subjectFilter,
  operation: z.string().max(64).optional(),
  category: z.string().max(64).optional(),
});
export type EventsQuery = z.infer<typeof eventsQuery>;
