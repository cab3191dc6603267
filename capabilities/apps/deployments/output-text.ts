import { toSafeText } from "@norns/adapters/engines/journal";
import type { StepOutputChunk } from "./deployments.ts";

/** The bare lines, each step under its name. */
export async function* outputLines(output: AsyncIterable<StepOutputChunk>): AsyncGenerator<string> {
  let step = "";
  for await (const chunk of output) {
    const heading = chunk.step === step ? "" : `== ${chunk.step}\n`;
    step = chunk.step;
    yield `${heading}${toSafeText(chunk.text)}\n`;
  }
}
