/** Where the output of steps goes and is read from: the engines' journal, seen from here. */
import type { OutputSink } from "@norns/adapters/engines";
import type { OperationId } from "@norns/kernel/ids";
import type { StepOutputChunk } from "./deployments.ts";

export interface StepOutput {
  readonly sink: OutputSink;
  close(): Promise<void>;
}

export interface StepOutputs {
  /** Appends to what the step has printed so far. Keeps head and tail of 4 MB; secrets named are masked. */
  open(operation: OperationId, step: string, options?: { readonly secrets?: readonly string[] }): Promise<StepOutput>;
  read(operation: OperationId, step: string, options: { readonly follow: boolean; readonly signal: AbortSignal }): AsyncIterable<Omit<StepOutputChunk, "step">>;
  remove(operation: OperationId): Promise<void>;
}
