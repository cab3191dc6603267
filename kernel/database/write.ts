/**
 * One atomic write, collected before it is made: desired state, audit row, operation and events commit together or not
 * at all. Rooms add their queries, the ledger adds an operation (`ledger.start(write, …)`), events add themselves, and
 * `write.commit(store)` sends the batch.
 */
import type { Query, QueryResult, Store } from "./store.ts";

/** The place where a query's rows will be found after the commit. */
export interface Slot<Row> {
  readonly rows: readonly Row[];
  readonly numAffectedRows: number;
}

type Entry = { query: Query; fill(result: QueryResult): void };

export class Write {
  readonly #first: Entry[] = [];
  readonly #body: Entry[] = [];
  readonly #last: Entry[] = [];
  readonly #afterCommit: (() => void)[] = [];
  #done = false;

  /** Adds a query in order. The slot may be read only after `commit`. */
  add<Row>(query: Query<Row>): Slot<Row> {
    return this.#push(this.#body, query);
  }

  /** Adds a guard: runs before everything else. See `requireOne` in `guard.ts`. */
  addFirst<Row>(query: Query<Row>): Slot<Row> {
    return this.#push(this.#first, query);
  }

  /** Adds a query that must run after all others. Events use it: the event counter's row is locked last and briefly. */
  addLast<Row>(query: Query<Row>): Slot<Row> {
    return this.#push(this.#last, query);
  }

  /** Called once, after the commit; never when it failed. Wake-ups and live followers hang here. Must not throw. */
  afterCommit(callback: () => void): void {
    this.#afterCommit.push(callback);
  }

  get isEmpty(): boolean {
    return this.#first.length + this.#body.length + this.#last.length === 0;
  }

  /** Puts another write's queries behind this one's own, so that both commit together. The other is used up. */
  include(other: Write): void {
    other.#use();
    this.#first.push(...other.#first);
    this.#body.push(...other.#body);
    this.#last.push(...other.#last);
    this.#afterCommit.push(...other.#afterCommit);
  }

  /** Sends the batch. Throws what `Store.batch` throws; a Write commits once. */
  async commit(store: Store): Promise<void> {
    this.#use();
    const entries = [...this.#first, ...this.#body, ...this.#last];
    if (entries.length > 0) {
      const results = await store.batch(entries.map((entry) => entry.query));
      for (const [index, entry] of entries.entries()) entry.fill(results[index]!);
    }
    for (const callback of this.#afterCommit) callback();
  }

  #push<Row>(list: Entry[], query: Query<Row>): Slot<Row> {
    const slot: { result: QueryResult<Row> | undefined } = { result: undefined };
    list.push({ query, fill: (result) => (slot.result = result as QueryResult<Row>) });
    const read = (): QueryResult<Row> => {
      if (!slot.result) throw new Error("A slot of a write was read before its commit.");
      return slot.result;
    };
    return {
      get rows() {
        return read().rows;
      },
      get numAffectedRows() {
        return read().numAffectedRows;
      },
    };
  }

  #use(): void {
    if (this.#done) throw new Error("A write was used twice.");
    this.#done = true;
  }
}
