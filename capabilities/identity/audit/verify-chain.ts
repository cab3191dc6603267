import type { AuditVerification } from "./contract.ts";
import { genesis, hashOf, type ChainKey } from "./chain.ts";
import type { AuditStore } from "./store.ts";

const atOnce = 1_000;

/**
 * Reads the chain from its first row to its head. The first row that does not fit is named with how it does not fit;
 * rows behind it are not looked at, since they stand on it.
 */
export async function verifyChain(store: AuditStore, keys: readonly ChainKey[], signal?: AbortSignal): Promise<AuditVerification> {
  const unsealed = await store.unsealedCount();
  const head = await store.head();
  const keyById = new Map(keys.map((key) => [key.id, key]));
  let seq = 0;
  let hash = genesis;
  let firstBroken: AuditVerification["firstBroken"] = null;

  reading: for (;;) {
    signal?.throwIfAborted();
    const rows = await store.sealedAfter(seq, atOnce);
    for (const row of rows) {
      // A sealer may have gone on since the head was read: what it added is for the next look.
      if (row.seq! > head.seq) break reading;
      const expected = seq + 1;
      if (row.seq !== expected) {
        firstBroken = { seq: expected, id: null, reason: "missing" };
        break reading;
      }
      const key = keyById.get(row.key_id ?? "");
      if (!key) {
        firstBroken = { seq: expected, id: row.id, reason: "unknown_key" };
        break reading;
      }
      const should = hashOf(row, expected, hash, key);
      if (row.hash !== should) {
        firstBroken = { seq: expected, id: row.id, reason: "changed" };
        break reading;
      }
      seq = expected;
      hash = should;
    }
    if (rows.length < atOnce) break;
  }
  if (!firstBroken && (seq !== head.seq || hash !== head.hash)) firstBroken = { seq: seq + 1, id: null, reason: "truncated" };

  return {
    ok: firstBroken === null,
    checked: seq,
    unsealed: Number(unsealed.count),
    oldestUnsealedAt: unsealed.oldest ?? null,
    firstBroken,
    head,
  };
}
