import { z } from "@norns/kernel/http";

export const findingJson = z
  .object({
    severity: z.enum(["error", "warning", "info"]),
    field: z.string(),
    message: z.string(),
    line: z.number().int().optional(),
    column: z.number().int().optional(),
  })
  .openapi("Finding");

export const validationResult = z
  .object({ app: z.string(), valid: z.boolean(), findings: z.array(findingJson).readonly() })
  .openapi("ValidationResult");

export const validateQuery = z.object({
  strictSecrets: z.enum(["true", "false"]).optional().openapi({ description: "Values of `env` that look like secrets are errors." }),
});

export const registerBody = z
  .strictObject({
    infraspec: z
      .string()
      .max(300_000)
      .optional()
      .openapi({ description: "The text of an infraspec.yaml. Without it, the repository's own is read." }),
    repo: z
      .strictObject({ url: z.string().min(1).max(2048), branch: z.string().min(1).max(255).optional() })
      .optional()
      .openapi({ description: "Where the source is, unless the infraspec has a `repo` block." }),
  })
  .openapi("RegisterApp");

export const registeredApp = z
  .object({
    app: z.string(),
    valid: z.boolean(),
    findings: z.array(findingJson).readonly(),
    engine: z.string(),
    spec: z.record(z.string(), z.unknown()),
  })
  .openapi("RegisteredApp");
