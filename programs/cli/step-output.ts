/** What build, test and migrations print, as the server tells it, and as lines for a person. */
import { toPath } from "@norns/client";
import type { Session } from "./session.ts";
import { safeLine, type Terminal } from "./terminal.ts";

export interface OutputChunk {
  readonly step: string;
  readonly stream: "stdout" | "stderr" | "system";
  readonly at: number;
  readonly text: string;
}

export async function* readOutput(
  session: Session,
  id: string,
  options: { step?: string | undefined; follow: boolean },
): AsyncGenerator<OutputChunk> {
  const { path } = toPath("GET /api/deployments/{id}/output", {
    params: { id },
    query: { ...(options.step ? { step: options.step } : {}), follow: String(options.follow) },
  });
  for await (const { event, data } of session.stream({ path, endsByItself: true })) {
    if (event === "end") return;
    if (event === "output") yield JSON.parse(data) as OutputChunk;
  }
}

export const showOutput = (chunk: OutputChunk, terminal: Terminal): string[] =>
  chunk.text
    .replace(/\n$/, "")
    .split("\n")
    // What a progress bar wrote over is not shown: the end of the line is.
    .map((line) => line.replace(/\r$/, "").split("\r").at(-1)!)
    .map((line) => {
      const text = safeLine(line, terminal.isLive);
      if (chunk.stream === "system") return terminal.dim(`${chunk.step}  ${text}`);
      return `${chunk.stream === "stderr" ? terminal.paint("attention", chunk.step) : terminal.dim(chunk.step)}  ${text}`;
    });
