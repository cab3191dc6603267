/** Shapes of the wire: the seed's field names, with ours added. Arrays are never null. */
import { followFlag } from "@norns/capabilities/apps/wire";
import { z } from "@norns/kernel/http";
import { appNameSchema, idSchema } from "@norns/kernel/ids";

export const operationParams = z.object({ id: idSchema("OperationId") });
export const sagaParams = z.object({ sagaId: z.string().max(64) });

export const deploymentStatuses = ["queued", "building", "testing", "migrating", "submitting", "healthy", "deployed", "failed"] as const;
export type DeploymentStatus = (typeof deploymentStatuses)[number];

/** What was asked for: printable, no blanks, and nothing that a program could take for an option. */
export const refSchema = z
  .string()
  .max(255)
  .regex(/^[^-\s\p{C}][^\s\p{C}]*$/u, "a branch, a tag, or a commit of 7 to 40 hex digits; it may not begin with a hyphen");

export const deployBody = z.object({ ref: refSchema.or(z.literal("")).default("HEAD") });
export const rollbackBody = z.object({
  /** A release's number or id; the good one before the current when absent. */
  release: z.union([z.string().regex(/^(\d{1,9}|rel_[0-9a-z]{26})$/, "a release's number or id"), z.number().int().positive()]).optional(),
});

export const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  step: z.string().optional(),
  details: z.unknown().optional(),
});

export const deploymentSchema = z
  .object({
    id: z.string(),
    app: z.string(),
    commitSha: z.string(),
    imageTag: z.string(),
    sagaId: z.string(),
    status: z.enum(deploymentStatuses),
    startedAt: z.string(),
    finishedAt: z.string().optional(),
    kind: z.enum(["deploy", "rollback"]),
    ref: z.string(),
    actor: z.string(),
    /** The number of the release that it brings, once it is built. */
    release: z.number().int().optional(),
    /** The release that was current before. */
    fromRelease: z.number().int().optional(),
    isAutomatic: z.boolean(),
    /** The state of the operation, for those who know it: `queued`, `running`, `undone` … */
    operationState: z.string().optional(),
    step: z.string().optional(),
    error: errorSchema.optional(),
  })
  .openapi("Deployment");
export type DeploymentJson = z.infer<typeof deploymentSchema>;

export const stepSchema = z
  .object({
    deploymentId: z.string(),
    app: z.string(),
    sagaId: z.string(),
    step: z.string(),
    status: z.enum(["pending", "running", "complete", "skipped", "failed", "undone"]),
    attempt: z.number().int(),
    index: z.number().int(),
    total: z.number().int(),
    startedAt: z.string().optional(),
    finishedAt: z.string().optional(),
    durationMs: z.number().optional(),
    message: z.string(),
    error: errorSchema.optional(),
  })
  .openapi("DeploymentStep");
export type StepJson = z.infer<typeof stepSchema>;

export const releaseSchema = z
  .object({
    id: z.string(),
    app: z.string(),
    number: z.number().int(),
    state: z.enum(["new", "good", "bad"]),
    commitSha: z.string(),
    ref: z.string(),
    subject: z.string(),
    imageTag: z.string(),
    engine: z.string(),
    sagaId: z.string(),
    createdAt: z.string(),
    isCurrent: z.boolean(),
    /** Its artifact is there: it can be gone back to, if it was ever in service. */
    isKept: z.boolean(),
  })
  .openapi("Release");
export type ReleaseJson = z.infer<typeof releaseSchema>;

export const sagaEventSchema = z
  .object({
    id: z.string(),
    sagaId: z.string(),
    timestamp: z.string(),
    source: z.string(),
    app: z.string(),
    category: z.string(),
    action: z.string(),
    message: z.string(),
    metadata: z.record(z.string(), z.string()),
    seq: z.number(),
    actor: z.string(),
  })
  .openapi("SagaEvent");
export type SagaEventJson = z.infer<typeof sagaEventSchema>;

export const statsSchema = z
  .object({
    deploys: z.object({
      total: z.number(),
      success: z.number(),
      failed: z.number(),
      mostPopularApp: z.string().optional(),
      mostPopularN: z.number().optional(),
    }),
    appCount: z.number(),
    totalAllocs: z.number(),
    runningAllocs: z.number(),
    uptimeLeaderboard: z.array(
      z.object({
        allocId: z.string(),
        jobId: z.string(),
        taskGroup: z.string(),
        uptime: z.string(),
        nodeName: z.string(),
        startedAt: z.string(),
      }),
    ),
  })
  .openapi("Stats");
export type StatsJson = z.infer<typeof statsSchema>;

export const pageQuery = z.object({
  app: appNameSchema.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
});
export const deploymentsQuery = pageQuery.extend({ status: z.enum(deploymentStatuses).optional() });

/** The commit that the tar holds, or the hash of its content where there is no git. */
export const sourceQuery = z.object({
  commit: z.string().regex(/^([0-9a-f]{40}|content-[0-9a-f]{40})$/, "40 hex digits, or content- and 40 hex digits"),
});
export const sourceSchema = z.object({ app: z.string(), commit: z.string(), isNew: z.boolean() });

export const outputQuery = z.object({
  step: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional(),
  follow: followFlag,
});
