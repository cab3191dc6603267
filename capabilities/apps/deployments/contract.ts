/** Shapes of the wire: the seed's field names, with ours added. Arrays are never null; times are ISO text unless the name ends in `Ms`. */
import { followFlag } from "@norns/capabilities/apps/wire";
import { z } from "@norns/kernel/http";
import { appNameSchema, idSchema } from "@norns/kernel/ids";

const isoTime = (what: string) => z.string().openapi({ description: `${what} ISO 8601, UTC.`, format: "date-time" });
const saga = z
  .string()
  .openapi({ description: "The operation's id, under the seed's name: what `/api/operations/{id}` and `/api/saga/{sagaId}` take." });
const commit = z.string().openapi({ description: "The whole commit, or `content-<40 hex>` where there is no git (the seed's name)." });
const imageTag = z.string().openapi({
  description: "What the release runs: the image by digest, or a name for the directory (the seed's name). Empty until it is built.",
});
const appName = z.string().openapi({ description: "The app's name." });

export const operationParams = z.object({ id: idSchema("OperationId").describe("The deployment's id, which is its operation's.") });
export const sagaParams = z.object({ sagaId: z.string().max(64).openapi({ description: "An operation's id." }) });

export const deploymentStatuses = ["queued", "building", "testing", "migrating", "submitting", "healthy", "deployed", "failed"] as const;
export type DeploymentStatus = (typeof deploymentStatuses)[number];

/** What was asked for: printable, no blanks, and nothing that a program could take for an option. */
export const refSchema = z
  .string()
  .max(255)
  .regex(/^[^-\s\p{C}][^\s\p{C}]*$/u, "a branch, a tag, or a commit of 7 to 40 hex digits; it may not begin with a hyphen");

export const deployBody = z.object({
  ref: refSchema
    .or(z.literal(""))
    .default("HEAD")
    .openapi({ description: "A branch, a tag, or a commit of 7 to 40 hex digits; `HEAD` and nothing mean the branch's newest commit." }),
});
export const rollbackBody = z.object({
  release: z
    .union([z.string().regex(/^(\d{1,9}|rel_[0-9a-z]{26})$/, "a release's number or id"), z.number().int().positive()])
    .optional()
    .openapi({ description: "A release's number or id; the good one before the current when absent." }),
});

export const errorSchema = z.object({
  code: z.string().openapi({ description: "What programs branch on; docs/errors.md has them all." }),
  message: z.string().openapi({ description: "What happened, to what, and what to do next." }),
  step: z.string().optional().openapi({ description: "The step that failed." }),
  details: z.unknown().optional(),
});

export const deploymentSchema = z
  .object({
    id: z.string().openapi({ description: "The id of its operation." }),
    app: appName,
    commitSha: commit,
    imageTag,
    sagaId: saga,
    status: z.enum(deploymentStatuses).openapi({
      description: "Where it stands, in the seed's words. `deployed`: the new release is in service; `failed`: it never came into service.",
    }),
    startedAt: isoTime("When it was asked for."),
    finishedAt: isoTime("When its operation ended.").optional(),
    kind: z.enum(["deploy", "rollback"]),
    ref: z.string().openapi({ description: "What was asked for: `HEAD`, a branch, a tag or a commit." }),
    actor: z.string().openapi({ description: "Who asked, in readable form." }),
    release: z.number().int().optional().openapi({ description: "The number of the release that it brings, once it is built." }),
    fromRelease: z.number().int().optional().openapi({ description: "The number of the release that was current before." }),
    isAutomatic: z.boolean().openapi({ description: "Norns went back by itself, because the release turned unhealthy." }),
    operationState: z
      .string()
      .optional()
      .openapi({ description: "The state of its operation: `queued`, `running`, `undone` … Left out of lists for what is over." }),
    step: z.string().optional().openapi({ description: "The step in hand, while it is under way." }),
    error: errorSchema.optional().openapi({ description: "Why it failed, or what went wrong after the switch." }),
  })
  .openapi("Deployment");
export type DeploymentJson = z.infer<typeof deploymentSchema>;

export const stepSchema = z
  .object({
    deploymentId: z.string().openapi({ description: "The id of its deployment." }),
    app: appName,
    sagaId: saga,
    step: z.string().openapi({ description: "`clone`, `build`, `test`, `snapshot`, `migrate`, `submit`, `healthy`, `forge`, `cleanup`." }),
    status: z.enum(["pending", "running", "complete", "skipped", "failed", "undone"]),
    attempt: z.number().int().openapi({ description: "1 on the first try." }),
    index: z.number().int().openapi({ description: "Its place among the steps, from 0." }),
    total: z.number().int().openapi({ description: "How many steps there are." }),
    startedAt: isoTime("When its last try began.").optional(),
    finishedAt: isoTime("When it ended.").optional(),
    durationMs: z.number().optional().openapi({ description: "Milliseconds from start to end, once it has ended." }),
    message: z.string().openapi({ description: "Why it was skipped or failed; empty otherwise." }),
    error: errorSchema.optional(),
  })
  .openapi("DeploymentStep");
export type StepJson = z.infer<typeof stepSchema>;

export const releaseSchema = z
  .object({
    id: z.string(),
    app: appName,
    number: z.number().int().openapi({ description: "1, 2, 3 … an app: how people name a release." }),
    state: z.enum(["new", "good", "bad"]).openapi({
      description: "`new`: never in service; `good`: it was; `bad`: it failed its deployment, or was rolled back from.",
    }),
    commitSha: commit,
    ref: z.string().openapi({ description: "What was asked for when it was built." }),
    subject: z.string().openapi({ description: "The commit's first line; empty when there is none." }),
    imageTag,
    engine: z.string().openapi({ description: "What runs it: `process` or `docker`." }),
    sagaId: saga,
    createdAt: isoTime("When it was built."),
    isCurrent: z.boolean().openapi({ description: "It is the one that should run." }),
    isKept: z.boolean().openapi({ description: "Its artifact is there: it can be gone back to, if it was ever in service." }),
  })
  .openapi("Release");
export type ReleaseJson = z.infer<typeof releaseSchema>;

export const sagaEventSchema = z
  .object({
    id: z.string(),
    sagaId: z.string().openapi({ description: "The operation that it belongs to, under the seed's name; empty for what belongs to none." }),
    timestamp: isoTime("When it happened."),
    source: z.string().openapi({ description: "`pipeline` for what an operation did, `watcher` for everything else (the seed's words)." }),
    app: appName,
    category: z.string().openapi({ description: "`deploy`, `rollback`, `restart`, `scale`, `app`, `system` …" }),
    action: z.string().openapi({ description: "`step.complete`, `deploy.switched` …" }),
    message: z.string().openapi({ description: "For a person." }),
    metadata: z.record(z.string(), z.string()).openapi({ description: "For a program: the step, the release, the instance … by name." }),
    seq: z.number().openapi({ description: "The order of all events of the installation." }),
    actor: z.string().openapi({ description: "Who asked, in readable form." }),
  })
  .openapi("SagaEvent");
export type SagaEventJson = z.infer<typeof sagaEventSchema>;

export const statsSchema = z
  .object({
    deploys: z
      .object({
        total: z.number(),
        success: z.number(),
        failed: z.number(),
        mostPopularApp: z.string().optional(),
        mostPopularN: z.number().optional(),
      })
      .openapi({ description: "Deployments and rollbacks asked for since midnight, UTC." }),
    appCount: z.number(),
    totalAllocs: z.number().openapi({ description: "Instances, ended ones included whose place is not taken yet." }),
    runningAllocs: z.number(),
    uptimeLeaderboard: z
      .array(
        z.object({
          allocId: z.string().openapi({ description: "The last eight characters of the instance's id." }),
          jobId: z.string().openapi({ description: "The app's name, under the seed's name." }),
          taskGroup: z.string().openapi({ description: "The process, under the seed's name." }),
          uptime: z.string().openapi({ description: "`1d 2h 3m`" }),
          nodeName: z.string(),
          startedAt: isoTime("When the instance started."),
        }),
      )
      .openapi({ description: "The ten instances that have run longest." }),
  })
  .openapi("Stats");
export type StatsJson = z.infer<typeof statsSchema>;

export const pageQuery = z.object({
  app: appNameSchema.optional().describe("Only of this app."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(50)
    .openapi({ description: "How many a page, 1 to 200; 50 unless said otherwise." }),
  cursor: z.string().max(200).optional().openapi({ description: "Where the page begins: from the header `Link` of the page before." }),
});
export const deploymentsQuery = pageQuery.extend({
  status: z.enum(deploymentStatuses).optional().openapi({ description: "Only those that stand there." }),
});

/** The commit that the tar holds, or the hash of its content where there is no git. */
export const sourceQuery = z.object({
  commit: z
    .string()
    .regex(/^([0-9a-f]{40}|content-[0-9a-f]{40})$/, "40 hex digits, or content- and 40 hex digits")
    .openapi({ description: "The commit that the tar holds; where there is no git, `content-` and 40 hex digits of a hash of it." }),
});
export const sourceSchema = z.object({
  app: appName,
  commit: z.string(),
  isNew: z.boolean().openapi({ description: "The app was registered by this upload." }),
});

export const outputQuery = z.object({
  step: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional()
    .openapi({ description: "Only of this step: `build`, `test` or `migrate`." }),
  follow: followFlag,
});
