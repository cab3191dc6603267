/**
 * Lists page by `?limit&cursor`; the next page's address travels in `Link`, so that the body stays a bare array. A cursor is
 * opaque to clients: base64url of the room's own key.
 */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { invalid } from "../errors/index.ts";

/** The query of a list. `most` is the largest page; `usual` what one gets without asking. */
export const pageQuery = (usual = 50, most = 200) =>
  z.object({
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(most)
      .default(usual)
      .openapi({ description: `Rows a page, at most ${most}.` }),
    cursor: z.string().max(500).optional().openapi({ description: "From the `Link` header of the page before." }),
  });

/** Says where the next page is: `Link: <…?cursor=…>; rel="next"`. Nothing when there is none. */
export function linkNextPage(context: Context, cursor: string | undefined): void {
  if (cursor === undefined) return;
  const url = new URL(context.req.url);
  url.searchParams.set("cursor", cursor);
  context.header("Link", `<${url.pathname}${url.search}>; rel="next"`);
}

export const encodeCursor = (key: readonly (string | number)[]): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(key))))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

/** The key back. `invalid` / `invalid_cursor` for anything that is not a cursor of this shape. */
export function decodeCursor(cursor: string, shape: readonly ("string" | "number")[]): (string | number)[] {
  try {
    const bytes = Uint8Array.from(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const key: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (Array.isArray(key) && key.length === shape.length && key.every((part, index) => typeof part === shape[index]))
      return key as (string | number)[];
  } catch {
    // Falls through: not base64, not JSON.
  }
  throw invalid("invalid_cursor", "The cursor is not one of this list. Take it from the Link header of the page before, or leave it out.");
}
