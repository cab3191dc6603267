/** Shapes of the wire: the seed's field names, with ours added. Arrays are never null. */
import { followFlag } from "@norns/capabilities/apps/wire";
import { z } from "@norns/kernel/http";
import { processNameSchema } from "@norns/kernel/ids";

/** Why an instance ended, kept until its place is taken. */
export const exitSchema = z.object({
  code: z.number().nullable(),
  signal: z.string().nullable(),
  at: z.number(),
  reason: z.string().optional(),
});

/** What one look at an instance from outside saw. */
export const evidenceSchema = z.object({
  healthy: z.boolean(),
  at: z.number(),
  durationMs: z.number(),
  status: z.number().optional(),
  body: z.string().optional(),
  error: z.string().optional(),
});

export const allocationSchema = z
  .object({
    /** The last eight characters of the instance's id, as the seed's clients show it. */
    id: z.string(),
    instanceId: z.string(),
    taskGroup: z.string(),
    process: z.string(),
    index: z.number().int(),
    status: z.enum(["pending", "running", "complete", "failed", "lost"]),
    lifecycle: z.enum(["active", "retained"]),
    state: z.enum(["starting", "running", "stopping", "exited", "lost"]),
    healthy: z.boolean().optional(),
    nodeId: z.string(),
    nodeAddress: z.string(),
    nodeName: z.string(),
    nodeProvider: z.string(),
    nodeRegion: z.string(),
    address: z.string().optional(),
    release: z.string(),
    isCurrent: z.boolean(),
    startedAt: z.string(),
    restarts: z.number().int(),
    exit: exitSchema.optional(),
    /** The last look from outside, when it was not a good one. */
    evidence: evidenceSchema.optional(),
    handle: z.string(),
  })
  .openapi("Allocation");
export type Allocation = z.infer<typeof allocationSchema>;

const countsSchema = z.object({ running: z.number(), active: z.number(), retained: z.number(), total: z.number() });

export const appStatusSchema = z
  .object({
    spec: z.looseObject({ name: z.string() }),
    nomadStatus: z.enum(["running", "pending", "dead", ""]),
    healthy: z.boolean(),
    allocations: z.array(allocationSchema),
    allocationSummary: countsSchema.extend({
      byProcess: z.record(z.string(), countsSchema),
      byStatus: z.record(z.string(), z.number()),
    }),
    engine: z.string(),
    isDeployed: z.boolean(),
    isValid: z.boolean(),
    isAbsent: z.boolean(),
    /** The release that should run; absent before the first deployment. */
    release: z.object({ id: z.string(), number: z.number().int(), commit: z.string(), switchedAt: z.string() }).optional(),
    /** Instances wanted, by process. */
    desired: z.record(z.string(), z.number()),
    /** Where it answers: the names that the ingress knows. */
    hostnames: z.array(z.string()),
  })
  .openapi("AppStatus");
export type AppStatus = z.infer<typeof appStatusSchema>;

export const scaleBody = z.object({
  /** The process, by the seed's word. */
  group: processNameSchema.optional(),
  process: processNameSchema.optional(),
  count: z.number().int().min(0).max(100),
});

export const logsQuery = z.object({
  process: processNameSchema.optional(),
  instance: z
    .string()
    .regex(/^[0-9a-z_]{1,40}$/)
    .optional(),
  tail: z.coerce.number().int().min(0).max(100_000).optional(),
  /** Milliseconds since the epoch, an ISO time, or a span back from now: `10m`. */
  since: z.string().max(40).optional(),
  follow: followFlag,
});
