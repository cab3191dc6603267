/**
 * What wakes a worker. A transport carries an operation's id to some worker, at least once, and owns no truth: what it
 * loses the ledger's sweeper sends again, what it delivers twice the ledger's claim refuses.
 */
import type { Write } from "@norns/kernel/database";
import type { OperationId } from "@norns/kernel/ids";

export interface Wake {
  readonly queue: string;
  readonly operation: OperationId;
  /** Not before this time, in milliseconds since the epoch. */
  readonly at?: number;
}

export interface QueueOptions {
  readonly queue: string;
  /** How many operations of this queue one worker process runs at once. */
  readonly concurrency: number;
}

export interface Transport {
  readonly name: string;
  /** Puts the wake-up into the write where the transport shares its database, else sends it after the commit. */
  enlist(write: Write, wake: Wake): void;
  /** Sends wake-ups outside any write: the sweeper's re-sends, the next holder of a lock. */
  send(wakes: readonly Wake[]): Promise<void>;
  /** Starts receiving. `handle` never throws: what it could not do is in the ledger. */
  listen(queues: readonly QueueOptions[], handle: (operation: OperationId, signal: AbortSignal) => Promise<void>): Promise<Listener>;
}

export interface Listener {
  /** Takes nothing new, waits for what runs until the signal aborts. */
  stop(signal?: AbortSignal): Promise<void>;
}
