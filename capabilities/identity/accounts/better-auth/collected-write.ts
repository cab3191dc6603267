/**
 * Better Auth writes row by row. Here its writes of one request are collected and committed once, with the audit rows,
 * events and revocations that follow from them: a request that dies half way has changed nothing.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Actor } from "@norns/kernel/actor";
import { Write } from "@norns/kernel/database";

export interface Collecting {
  readonly write: Write;
  /** Who asks, when a session stands behind the request. */
  readonly actor: Actor | null;
  readonly requestId: string | undefined;
  /** Addresses of the people whose rows were read meanwhile: what the audit trail shows. */
  readonly emails: Map<string, string>;
}

const scope = new AsyncLocalStorage<Collecting>();

/** Runs `work`; what Better Auth writes meanwhile is in the returned write, not yet committed. */
export async function collect<T>(of: Omit<Collecting, "write" | "emails">, work: () => Promise<T>): Promise<{ result: T; write: Write }> {
  const write = new Write();
  const result = await scope.run({ ...of, write, emails: new Map() }, work);
  return { result, write };
}

/** The write of the running request. Better Auth is never called outside `collect`. */
export function collecting(): Collecting {
  const current = scope.getStore();
  if (!current) throw new Error("Better Auth wrote outside a collected request.");
  return current;
}
