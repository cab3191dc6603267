/** Shapes of the wire: the seed's field names, with ours added. Arrays are never null. */
import { followFlag } from "@norns/capabilities/apps/wire";
import { z } from "@norns/kernel/http";
import { processNameSchema } from "@norns/kernel/ids";

const time = z.number().openapi({ description: "Milliseconds since the epoch." });

export const exitSchema = z
  .object({
    code: z.number().nullable().openapi({ description: "Null when a signal ended it, or nobody saw." }),
    signal: z.string().nullable(),
    at: time,
    reason: z.string().optional().openapi({ description: "What else is known: out of memory, a reboot …" }),
  })
  .openapi({ description: "How the instance ended; kept until its place is taken." });

export const evidenceSchema = z
  .object({
    healthy: z.boolean(),
    at: time,
    durationMs: z.number().openapi({ description: "Milliseconds until the answer." }),
    status: z.number().optional().openapi({ description: "The HTTP status that it answered." }),
    body: z.string().optional().openapi({ description: "The first 2 KB of its answer." }),
    error: z.string().optional().openapi({ description: "Why there was no answer." }),
  })
  .openapi({ description: "The last look from outside, when it was not a good one." });

export const allocationSchema = z
  .object({
    id: z.string().openapi({ description: "The last eight characters of the instance's id, as the seed's clients show it." }),
    instanceId: z.string().openapi({ description: "The whole id." }),
    taskGroup: z.string().openapi({ description: "The same as `process`, under the seed's name." }),
    process: z.string().openapi({ description: "The process of the infraspec that it is an instance of." }),
    index: z.number().int().openapi({ description: "Its place among the instances of the process, from 0." }),
    status: z
      .enum(["pending", "running", "complete", "failed", "lost"])
      .openapi({ description: "`state` and the exit code, in the seed's words." }),
    lifecycle: z
      .enum(["active", "retained"])
      .openapi({ description: "`retained`: it has ended and is shown until its place is taken (the seed's word)." }),
    state: z.enum(["starting", "running", "stopping", "exited", "lost"]).openapi({ description: "What the engine says of it." }),
    healthy: z.boolean().optional().openapi({ description: "Judged from outside; absent until it has been judged." }),
    nodeId: z.string().openapi({ description: "The last eight characters of the machine's id." }),
    nodeAddress: z.string().openapi({ description: "The host at which it listens; empty for one without a port." }),
    nodeName: z.string().openapi({ description: "How the machine is called." }),
    nodeProvider: z.string().openapi({ description: "`local` (the seed's field)." }),
    nodeRegion: z.string().openapi({ description: "Empty (the seed's field)." }),
    address: z.string().optional().openapi({ description: "`host:port` where it listens." }),
    release: z.string().openapi({ description: "The id of the release that it runs." }),
    isCurrent: z.boolean().openapi({ description: "It runs the release that should run." }),
    startedAt: z.string().openapi({ description: "ISO 8601, UTC.", format: "date-time" }),
    restarts: z.number().int().openapi({ description: "How often it was started again in its place." }),
    exit: exitSchema.optional(),
    evidence: evidenceSchema.optional(),
    handle: z.string().openapi({ description: "What the engine calls it: a process id with its start, a container's id." }),
  })
  .openapi("Allocation", { description: "One instance of a process; `allocation` is the seed's word for it." });
export type Allocation = z.infer<typeof allocationSchema>;

const countsSchema = z.object({
  running: z.number().openapi({ description: "With the status `running`." }),
  active: z.number().openapi({ description: "Up, or on their way up." }),
  retained: z.number().openapi({ description: "Ended, and shown until their place is taken." }),
  total: z.number(),
});

export const appStatusSchema = z
  .object({
    spec: z
      .looseObject({ name: z.string().openapi({ description: "The app's name." }) })
      .openapi({ description: "The catalogue's infraspec as it was last good, else the current release's; what looks secret is masked." }),
    nomadStatus: z
      .enum(["running", "pending", "dead", ""])
      .openapi({ description: "Something runs, is on its way, nothing does, or the app was never deployed (the seed's name and words)." }),
    healthy: z.boolean().openapi({ description: "Every wanted instance of the current release runs and is healthy." }),
    allocations: z.array(allocationSchema).openapi({ description: "Its instances, those of the current release first." }),
    allocationSummary: countsSchema
      .extend({ byProcess: z.record(z.string(), countsSchema), byStatus: z.record(z.string(), z.number()) })
      .openapi({ description: "The instances, counted." }),
    engine: z.string().openapi({ description: "What runs it: `process` or `docker`." }),
    isDeployed: z.boolean().openapi({ description: "A release of it is in service." }),
    isValid: z.boolean().openapi({ description: "Its infraspec as it stands has no error: only then can it be deployed." }),
    isAbsent: z.boolean().openapi({ description: "Its directory is gone, or says `deploy: false`. What runs of it goes on." }),
    release: z
      .object({
        id: z.string(),
        number: z.number().openapi({ description: "1, 2, 3 … an app: how people name a release." }),
        commit: z.string(),
        switchedAt: z.string().openapi({ description: "When it came into service: ISO 8601, UTC.", format: "date-time" }),
      })
      .optional()
      .openapi({ description: "The release that should run; absent before the first deployment." }),
    desired: z.record(z.string(), z.number()).openapi({ description: "Instances wanted, by process." }),
    hostnames: z.array(z.string()).openapi({ description: "Where it answers: the names that the ingress knows." }),
  })
  .openapi("AppStatus");
export type AppStatus = z.infer<typeof appStatusSchema>;

export const scaleBody = z.object({
  group: processNameSchema.optional().describe("The same as `process`, under the seed's name."),
  process: processNameSchema.optional().describe("Which process to scale. Needed, here or as `group`."),
  count: z.number().int().min(0).max(100).openapi({ description: "Instances wanted, 0 to 100." }),
});

export const logsQuery = z.object({
  process: processNameSchema.optional().describe("Only of this process."),
  instance: z
    .string()
    .regex(/^[0-9a-z_]{1,40}$/)
    .optional()
    .openapi({ description: "Only of this instance: its id, or the last eight characters of it." }),
  tail: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .openapi({ description: "The last so many lines, then what comes. 100 when following, all that are kept otherwise." }),
  since: z
    .string()
    .max(40)
    .optional()
    .openapi({ description: "Milliseconds since the epoch, an ISO time, or a span back from now: `10m`." }),
  follow: followFlag,
});
