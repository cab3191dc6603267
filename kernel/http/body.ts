/** Reading bodies, bounded before they are read: a declared length is refused by its header, a chunked body while it comes. */
import type { Context } from "hono";
import { invalid } from "../errors/index.ts";
import { parseJsonSafely, recordFromPairs } from "./safe-input.ts";

export const defaultBodyLimitBytes = 1_000_000;

const tooLarge = (limit: number) =>
  invalid("body_too_large", `The body is larger than the ${limit.toLocaleString("en")} bytes that are accepted here.`, {
    details: { limitBytes: limit },
  });

/**
 * Holds the body to `limit` bytes for whoever reads it afterwards. With a Content-Length one comparison is enough (the
 * HTTP parser holds the peer to it); without one the stream is counted.
 */
export function boundBody(context: Context, limit: number): void {
  const { method } = context.req;
  if (method === "GET" || method === "HEAD") return;
  const declared = context.req.header("content-length");
  if (declared !== undefined) {
    if (Number(declared) > limit) throw tooLarge(limit);
    return;
  }
  if (context.req.header("transfer-encoding") === undefined && !context.req.raw.body) return;
  const { raw } = context.req;
  if (!raw.body) return;
  let seen = 0;
  const counted = raw.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.byteLength;
        if (seen > limit) controller.error(tooLarge(limit));
        else controller.enqueue(chunk);
      },
    }),
  );
  // `duplex` is needed by fetch for stream bodies and is not in every version of its types.
  context.req.raw = new Request(raw, { body: counted, duplex: "half" } as RequestInit);
}

/** The body as data: JSON, or a form's fields. An absent body means "all defaults", as clients of the seed send it. */
export async function readData(context: Context): Promise<unknown> {
  const type = context.req.header("content-type") ?? "";
  const text = await context.req.text();
  if (text === "") return {};
  if (type.startsWith("application/x-www-form-urlencoded")) return recordFromPairs(new URLSearchParams(text));
  return parseJsonSafely(text);
}
