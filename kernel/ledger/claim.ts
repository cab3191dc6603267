/**
 * Taking an operation in hand: one compare-and-swap that succeeds for exactly one worker. An operation can be claimed
 * when its `due_at` has come: it waits and its time is here, or a worker holds it and its lease is over. The claim
 * raises the epoch and sets a fresh random owner; whoever held it before can write nothing any more.
 *
 * Claims of operations without a lock share one statement (group commit). An operation with a lock first takes the
 * lock's row in the same batch; the few that have one go alone.
 */
import type { Store } from "../database/index.ts";
import { createGroupCommit } from "./group-commit.ts";
import { takeLock } from "./locks.ts";
import { operationColumns } from "./rows.ts";
import { amongIds, idList, rowsFrom, statement } from "./statements.ts";
import type { OperationsTable } from "./tables.ts";

export interface ClaimRequest {
  readonly id: string;
  /** Random: two claims never share it, so a claim whose outcome is unknown can be sent again. */
  readonly owner: string;
  readonly now: number;
  readonly until: number;
}

export interface Claims {
  /** The operation, now held by this owner, or undefined when it is not to be had. */
  claim(request: ClaimRequest): Promise<OperationsTable | undefined>;
  /** The same for an operation with a lock: takes the lock first, or gets nothing. */
  claimLocked(request: ClaimRequest): Promise<OperationsTable | undefined>;
}

export function createClaims(store: Store, worker: { readonly holder: string; readonly node: string }): Claims {
  const claimFree = statement<OperationsTable>(
    store.dialect,
    claimText(store, "(lock is null or (cancel_requested_at is not null and started_at is null))"),
  );
  const claimHolding = statement<OperationsTable>(
    store.dialect,
    claimText(store, "exists (select 1 from {operation_locks} as l where l.lock = {operations}.lock and l.operation = {operations}.id)"),
  );
  const lock = takeLock(store.dialect);
  const parametersOf = (requests: readonly ClaimRequest[]) => [
    JSON.stringify(requests.map(({ id, owner, now, until }) => ({ claimed: id, claimant: owner, claimed_at: now, until }))),
    worker.holder,
    worker.node,
    idList(requests.map((request) => request.id)),
  ];

  const group = createGroupCommit<ClaimRequest, OperationsTable | undefined>({
    idOf: (request) => request.id,
    async flush(requests) {
      const [result] = await store.batch([claimFree(parametersOf(requests))]);
      const rows = new Map((result!.rows as OperationsTable[]).map((row) => [row.id, row]));
      return requests.map((request) => rows.get(request.id));
    },
  });

  return {
    claim: (request) => group.submit(request),
    async claimLocked(request) {
      const claim = claimHolding(parametersOf([request]));
      const results = await store.batch([lock([request.id, request.now, worker.node, request.owner]), claim]);
      return results[1]!.rows[0] as OperationsTable | undefined;
    },
  };
}

/**
 * `owner = claimant` lets a claim that did commit, but whose answer was lost, find its own again. A holder that is
 * still named when a lease is over was lost, not finished: that is counted.
 */
const claimText = (store: Store, mayGo: string) => `
  update {operations} set
    state = case when state in ('queued', 'retrying') then 'running' else state end,
    epoch = epoch + 1,
    owner = c.claimant,
    losses = losses + case when holder is null then 0 else 1 end,
    holder = ?2,
    due_at = c.until,
    started_at = case when started_at is null and cancel_requested_at is null then c.claimed_at else started_at end,
    updated_at = c.claimed_at
  from ${rowsFrom(store.dialect, "?1", "c", { claimed: "text", claimant: "text", claimed_at: "bigint", until: "bigint" })}
  where id = c.claimed and ${amongIds(store.dialect, "id", "?4")}
    and (due_at <= c.claimed_at or (owner = c.claimant and due_at is not null))
    and (node is null or node = ?3)
    and ${mayGo}
  returning ${operationColumns.join(", ")}`;
