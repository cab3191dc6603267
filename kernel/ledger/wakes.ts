import type { Write } from "../database/index.ts";
import type { OperationId } from "../ids/index.ts";

export interface Wake {
  readonly queue: string;
  readonly operation: OperationId;
  /** Not before this time, in milliseconds since the epoch. */
  readonly at?: number;
}

/** The piece of a transport that the ledger uses; listening is the composer's business. */
export interface Wakes {
  /** Puts the wake-up into the write where the transport shares its database, else sends it after the commit. */
  enlist(write: Write, wake: Wake): void;
  send(wakes: readonly Wake[]): Promise<void>;
}
