import { NornsError } from "@norns/kernel/errors";
import type { Json, StepContext } from "@norns/kernel/ledger";

/** The record of a step that may have been skipped, or that this operation does not have. */
export function findOutput(context: Pick<StepContext<never>, "outputOf">, step: string): Json | undefined {
  try {
    return context.outputOf(step);
  } catch (error) {
    if (error instanceof NornsError && error.code === "step_output_missing") return undefined;
    throw error;
  }
}
