import { toSafeText } from "@norns/adapters/engines/journal";
import type { RouteRequest } from "@norns/kernel/http";
import type { StepOutputChunk } from "./deployments.ts";

/** The bare lines, each step under its name. Pulled: a slow reader holds the source back. `stop` ends the source. */
export function outputText(
  output: AsyncIterable<StepOutputChunk>,
  stop: AbortController,
  request: Pick<RouteRequest<unknown, unknown, unknown>, "actor" | "context">,
): Response {
  const iterator = output[Symbol.asyncIterator]();
  const text = new TextEncoder();
  let stopListening = () => {};
  let step = "";
  const body = new ReadableStream<Uint8Array>({
    start() {
      stopListening = request.context.var.streams?.open(request.actor, () => stop.abort()) ?? stopListening;
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done || stop.signal.aborted) {
        stopListening();
        return controller.close();
      }
      const heading = value.step === step ? "" : `== ${value.step}\n`;
      step = value.step;
      controller.enqueue(text.encode(`${heading}${toSafeText(value.text)}\n`));
    },
    cancel() {
      stopListening();
      stop.abort();
    },
  });
  return new Response(body, {
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
  });
}
