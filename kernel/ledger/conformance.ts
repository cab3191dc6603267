/**
 * What the ledger promises, on any store. Each store's test file calls `describeLedger` once; a further test compares
 * the titles, so that no store is let off anything.
 */
import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../database/index.ts";
import type { OperationId } from "../ids/index.ts";
import { testsOfClaims } from "./conformance/claims.ts";
import { testsOfClocks } from "./conformance/clocks.ts";
import { testsOfInterference } from "./conformance/interference.ts";
import { testsOfLocks } from "./conformance/locks.ts";
import { testsOfReading } from "./conformance/reading.ts";
import { testsOfSteps } from "./conformance/steps.ts";
import { testsOfTakeOver } from "./conformance/take-over.ts";
import { testsOfWakes } from "./conformance/wakes.ts";
import type { Wakes } from "./wakes.ts";

export interface LedgerHome {
  readonly store: Store;
  /** The transport that belongs to this store. */
  readonly transport: Wakes & {
    listen(
      queues: readonly { queue: string; concurrency: number }[],
      handle: (operation: OperationId, signal: AbortSignal) => Promise<void>,
    ): Promise<{ stop(signal?: AbortSignal): Promise<void> }>;
  };
  /** How many operations "many" are: a store that takes its writes one by one needs longer for the same proof. */
  readonly many: number;
  close(): Promise<void>;
}

export type Home = () => LedgerHome;

export function describeLedger(name: string, makeHome: () => Promise<LedgerHome>): void {
  describe(`the ledger on ${name}`, () => {
    let made: LedgerHome;
    beforeAll(async () => {
      made = await makeHome();
    });
    afterAll(() => made?.close());
    const home: Home = () => made;
    testsOfClaims(home);
    testsOfSteps(home);
    testsOfTakeOver(home);
    testsOfClocks(home);
    testsOfInterference(home);
    testsOfLocks(home);
    testsOfWakes(home);
    testsOfReading(home);
  });
}
