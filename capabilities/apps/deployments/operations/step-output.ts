/** Runs a program of the user and keeps what it prints, masked, where followers read it live. */
import { openStepOutput, toSafeText } from "@norns/adapters/engines/journal";
import type { OutputSink } from "@norns/adapters/engines";
import { NornsError } from "@norns/kernel/errors";
import type { StepContext } from "@norns/kernel/ledger";
import { maskingSink, secretsIn } from "../mask-output.ts";
import type { StepDeps } from "./deps.ts";
import type { PrintingStep } from "./step-names.ts";

const shownLines = 30;
const shownLineLength = 500;
const keptBytes = shownLines * shownLineLength;

/** An error that ends the step carries the last lines with it, so that nobody has to look for them. */
export async function withOutput<Result>(
  deps: StepDeps,
  context: StepContext<{ readonly app: string }>,
  step: PrintingStep,
  run: (output: OutputSink, say: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  const kept = openStepOutput({
    home: deps.home,
    app: context.input.app,
    operation: context.operation.id,
    step,
    now: () => deps.clock.now(),
  });
  const tail = new Tail();
  const masked = maskingSink((stream, chunk) => {
    kept.sink(stream, chunk);
    tail.write(chunk);
  }, secretsIn(deps.buildEnv));
  try {
    return await run(masked.sink, (text) => kept.system(text));
  } catch (error) {
    masked.flush();
    if (!(error instanceof NornsError) || tail.lines().length === 0) throw error;
    throw new NornsError(error.kind, error.code, error.message, {
      details: { ...error.details, output: tail.lines() },
      cause: error.cause,
    });
  } finally {
    masked.flush();
    kept.close();
  }
}

/** The end of what went by. A flood is only ever cut, not read: its lines are made when somebody asks for them. */
class Tail {
  #end = Buffer.alloc(0);

  write(chunk: Uint8Array): void {
    const last = chunk.subarray(-keptBytes);
    this.#end = last.length === keptBytes ? Buffer.from(last) : Buffer.concat([this.#end.subarray(last.length - keptBytes), last]);
  }

  lines(): string[] {
    const lines = this.#end.toString().split("\n");
    // The first one may have been cut.
    if (this.#end.length === keptBytes) lines.shift();
    return lines
      .map((line) => toSafeText(line).trimEnd().slice(0, shownLineLength))
      .filter((line) => line !== "")
      .slice(-shownLines);
  }
}
