/** What the rooms of this wing say in the same words on the wire. */
import { startedFields, startedSchema, toStarted } from "@norns/capabilities/operations";
import { z } from "@norns/kernel/http";
import { appNameSchema } from "@norns/kernel/ids";

export const appParams = z.object({ id: appNameSchema.describe("The app's name.") });

/** The answer to everything that goes on after it. */
export { startedSchema, toStarted };
export const rollbackStartedSchema = startedFields
  .extend({
    imageTag: z
      .string()
      .openapi({ description: "What the release runs: the image by digest, or a name for the directory (the seed's name)." }),
    release: z.number().int().openapi({ description: "The number of the release that is gone back to." }),
  })
  .openapi("RollbackStarted");

/** `true`, `1` and the bare name mean yes; left out too, since streams go on unless told otherwise. */
export const followFlag = z
  .enum(["true", "false", "1", "0", ""])
  .transform((value) => value !== "false" && value !== "0")
  .optional()
  .openapi({ description: "False ends the answer with what is there now. True unless said otherwise." });

/** The last eight characters of an id, as the seed's clients show it. */
export const shortId = (id: string): string => id.slice(-8);
