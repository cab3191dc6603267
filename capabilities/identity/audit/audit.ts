import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import { decodeCursor, encodeCursor } from "@norns/kernel/http";
import { newId, type AuditId, type IdSource } from "@norns/kernel/ids";
import type { Json } from "@norns/kernel/ledger";
import { toChainKey } from "./chain.ts";
import type { Audit, AuditQuery, AuditRow } from "./contract.ts";
import { csvHeading, toCsvLine } from "./csv.ts";
import { redact } from "./redact.ts";
import { createAuditStore } from "./store.ts";
import type { AuditRowTable } from "./tables.ts";
import { verifyChain } from "./verify-chain.ts";

export interface AuditDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** The key rows are sealed with, and those used before it: `verify` needs them, recording does not. */
  readonly chainKeys?: readonly string[];
  /** Called after each commit that carried a row: there is something to seal. */
  readonly recorded?: () => void;
}

/**
 * The audit trail.
 *
 * ```ts
 * const write = new Write();
 * write.add(renameApp);
 * audit.record(write, { workspace, actor, action: "apps.rename", subject: subject("app", name), before: { name: old }, after: { name } });
 * await write.commit(store);
 * ```
 */
export function createAudit({ store, clock, ids, chainKeys = [""], recorded }: AuditDeps): Audit {
  const rowsOf = createAuditStore(store);
  const toText = (value: Json | undefined): string | null => (value === undefined ? null : JSON.stringify(redact(value)));

  return {
    record(write, entry) {
      write.add(
        rowsOf.insert({
          id: newId("AuditId", ids),
          seq: null,
          at: clock.now(),
          workspace: entry.workspace,
          actor_kind: entry.actor.kind,
          actor_id: entry.actor.id,
          actor_label: entry.actor.label,
          action: entry.action,
          subject: entry.subject,
          before: toText(entry.before),
          after: toText(entry.after),
          operation: entry.operation ?? null,
          request_id: entry.requestId ?? null,
          key_id: null,
          hash: null,
        }),
      );
      if (recorded) write.afterCommit(recorded);
    },

    async list({ limit, cursor, ...query }) {
      const rows = await rowsOf.page(query, limit + 1, cursor === undefined ? undefined : fromCursor(cursor));
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { rows: page.map(toAuditRow), ...(rows.length > limit && last ? { cursor: toCursor(last) } : {}) };
    },

    async *exportCsv(query: AuditQuery, signal) {
      yield csvHeading;
      let after: { at: number; id: string } | undefined;
      for (;;) {
        signal.throwIfAborted();
        const rows = await rowsOf.page(query, 500, after);
        if (rows.length > 0) yield rows.map((row) => toCsvLine(toAuditRow(row))).join("");
        if (rows.length < 500) return;
        after = rows.at(-1);
      }
    },

    verify: (signal) => verifyChain(rowsOf, chainKeys.map(toChainKey), signal),
  };
}

const fromText = (text: string | null): Json | null => (text === null ? null : (JSON.parse(text) as Json));

const toAuditRow = (row: AuditRowTable): AuditRow => ({
  id: row.id as AuditId,
  seq: row.seq,
  at: row.at,
  workspace: row.workspace,
  actor: { kind: row.actor_kind, id: row.actor_id, label: row.actor_label },
  action: row.action,
  subject: row.subject,
  before: fromText(row.before),
  after: fromText(row.after),
  operation: row.operation,
  requestId: row.request_id,
  hash: row.hash,
});

const toCursor = (row: { at: number; id: string }): string => encodeCursor([row.at, row.id]);

function fromCursor(cursor: string): { at: number; id: string } {
  const [at, id] = decodeCursor(cursor, ["number", "string"]) as [number, string];
  return { at, id };
}
