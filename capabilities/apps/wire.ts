/** What the rooms of this wing say in the same words on the wire. */
import { z } from "@norns/kernel/http";
import { appNameSchema, type OperationId } from "@norns/kernel/ids";

export const appParams = z.object({ id: appNameSchema.describe("The app's name.") });

const startedFields = z.object({
  sagaId: z.string().openapi({ description: "The same as `operationId`, under the seed's name." }),
  operationId: z.string().openapi({ description: "Follow it at `/api/operations/{id}`." }),
  status: z.string().openapi({ description: "What was asked for; the operation says when it is so." }),
});

/** The answer to everything that goes on after it: an operation was started, or is steered. */
export const startedSchema = startedFields.openapi("Started");
export const rollbackStartedSchema = startedFields
  .extend({
    imageTag: z
      .string()
      .openapi({ description: "What the release runs: the image by digest, or a name for the directory (the seed's name)." }),
    release: z.number().int().openapi({ description: "The number of the release that is gone back to." }),
  })
  .openapi("RollbackStarted");

export const toStarted = (operation: OperationId, status: string): z.infer<typeof startedSchema> => ({
  sagaId: operation,
  operationId: operation,
  status,
});

/** `true`, `1` and the bare name mean yes; left out too, since streams go on unless told otherwise. */
export const followFlag = z
  .enum(["true", "false", "1", "0", ""])
  .transform((value) => value !== "false" && value !== "0")
  .optional()
  .openapi({ description: "False ends the answer with what is there now. True unless said otherwise." });

/** The last eight characters of an id, as the seed's clients show it. */
export const shortId = (id: string): string => id.slice(-8);
