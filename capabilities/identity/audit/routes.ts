import { addRoute, linkNextPage, z, type Router } from "@norns/kernel/http";
import { auditFilters, auditRow, auditVerification, type Audit } from "./contract.ts";
import { readAudit, verifyAudit } from "./policy.ts";

export function auditRoutes(router: Router, audit: Audit): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/audit",
      summary: "Who did what to what, newest first; `format=csv` exports all that matches",
      tag: "Audit",
      access: { action: readAudit },
      query: auditFilters,
      answer: z.array(auditRow),
      answerTypes: ["text/csv"],
    },
    async ({ workspace, query: { limit, cursor, format, ...filters }, context }) => {
      const query = { workspace, ...dropUndefined(filters) };
      if (format === "csv") return csvAnswer(audit.exportCsv(query, context.req.raw.signal));
      const page = await audit.list({ ...query, limit, cursor });
      linkNextPage(context, page.cursor);
      return page.rows;
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/audit/verify",
      summary: "Whether the trail's chain holds, the first row where it does not, and what is not chained yet",
      tag: "Audit",
      access: { action: verifyAudit },
      answer: auditVerification,
    },
    ({ context }) => audit.verify(context.req.raw.signal),
  );
}

function csvAnswer(pieces: AsyncIterable<string>): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="audit.csv"',
      "cache-control": "no-store",
    },
  });
}

function dropUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}
