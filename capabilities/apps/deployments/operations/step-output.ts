/** Runs a program of the user and keeps what it prints, masked, where followers read it live. */
import { openStepOutput, toSafeText } from "@norns/adapters/engines/journal";
import type { OutputSink } from "@norns/adapters/engines";
import { NornsError } from "@norns/kernel/errors";
import type { StepContext } from "@norns/kernel/ledger";
import { maskingSink, secretsIn } from "../mask-output.ts";
import type { StepDeps } from "./deps.ts";

const shownLines = 30;
const shownLineLength = 500;

/** An error that ends the step carries the last lines with it, so that nobody has to look for them. */
export async function withOutput<Result>(
  deps: StepDeps,
  context: StepContext<{ readonly app: string }>,
  step: string,
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
  const masked = maskingSink(
    (stream, chunk) => {
      kept.sink(stream, chunk);
      tail.write(chunk);
    },
    secretsIn(Object.values(deps.buildEnv)),
  );
  try {
    return await run(masked.sink, (text) => kept.system(text));
  } catch (error) {
    masked.flush();
    if (!(error instanceof NornsError) || tail.lines.length === 0) throw error;
    throw new NornsError(error.kind, error.code, error.message, { details: { ...error.details, output: tail.lines }, cause: error.cause });
  } finally {
    masked.flush();
    kept.close();
  }
}

/** The last lines of what went by. The masking sink hands over whole lines. */
class Tail {
  readonly lines: string[] = [];
  readonly #decoder = new TextDecoder();

  write(chunk: Uint8Array): void {
    for (const line of this.#decoder.decode(chunk).split("\n")) {
      const text = toSafeText(line).trimEnd();
      if (text !== "") this.lines.push(text.slice(0, shownLineLength));
    }
    if (this.lines.length > shownLines) this.lines.splice(0, this.lines.length - shownLines);
  }
}
