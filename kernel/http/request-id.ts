/** Request ids and W3C trace context: what joins a client's line, our log and an operation. */
import { newId } from "../ids/index.ts";

/** A caller's own id is kept when it is harmless in a log and a header; anything else gets one of ours. */
export function requestIdFrom(header: string | undefined): string {
  return header !== undefined && /^[A-Za-z0-9._-]{8,128}$/.test(header) ? header : newId("RequestId");
}

export interface Trace {
  readonly traceId: string;
  readonly parentId: string;
}

/** `00-<trace>-<parent>-<flags>`; undefined for anything that the standard calls invalid. */
export function parseTraceparent(header: string | undefined): Trace | undefined {
  const match = header && /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(header);
  if (!match || match[1] === "ff" || (match[1] === "00" && match[4] !== undefined)) return undefined;
  const [, , traceId, parentId] = match;
  if (/^0+$/.test(traceId!) || /^0+$/.test(parentId!)) return undefined;
  return { traceId: traceId!, parentId: parentId! };
}
