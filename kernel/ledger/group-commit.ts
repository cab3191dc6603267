/**
 * Many callers, few commits. Whatever is submitted while a flush is under way shares the next one; each caller is told
 * only after the commit that carries its own row. At most two flushes are in flight, at most 500 rows are in one.
 * A row whose id is already being flushed waits for its turn: two claims of one operation in one statement would both
 * win (measured: 1,000 winners for 500 operations delivered twice). When a flush fails, its rows are tried one by one,
 * so that one bad row fails alone.
 */
export interface GroupCommit<Row, Result> {
  submit(row: Row): Promise<Result>;
}

export interface GroupCommitOptions<Row, Result> {
  idOf(row: Row): string;
  /** Writes all rows or none and answers for each, in order. */
  flush(rows: readonly Row[]): Promise<readonly Result[]>;
  readonly flushesInFlight?: number;
  readonly rowsInFlush?: number;
}

interface Waiting<Row, Result> {
  readonly row: Row;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit<Row, Result>(options: GroupCommitOptions<Row, Result>): GroupCommit<Row, Result> {
  const flushesInFlight = options.flushesInFlight ?? 2;
  const rowsInFlush = options.rowsInFlush ?? 500;
  let waiting: Waiting<Row, Result>[] = [];
  const busyIds = new Set<string>();
  let flushes = 0;
  let isScheduled = false;

  /** Takes the rows that may go now, each id once, sorted so that two flushes lock rows in one order. */
  function take(): Waiting<Row, Result>[] {
    const taken: Waiting<Row, Result>[] = [];
    const left: Waiting<Row, Result>[] = [];
    for (const entry of waiting) {
      const id = options.idOf(entry.row);
      if (taken.length >= rowsInFlush || busyIds.has(id)) left.push(entry);
      else {
        busyIds.add(id);
        taken.push(entry);
      }
    }
    waiting = left;
    return taken.sort((a, b) => (options.idOf(a.row) < options.idOf(b.row) ? -1 : 1));
  }

  async function flush(entries: readonly Waiting<Row, Result>[]): Promise<void> {
    try {
      const results = await options.flush(entries.map((entry) => entry.row));
      for (const [index, entry] of entries.entries()) entry.resolve(results[index]!);
    } catch (error) {
      if (entries.length === 1) entries[0]!.reject(error);
      else for (const entry of entries) await flush([entry]);
    }
  }

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || flushes >= flushesInFlight) return;
    isScheduled = true;
    // One turn of the microtask queue later, so that all who are ready in this turn go together.
    queueMicrotask(() => {
      isScheduled = false;
      const entries = take();
      if (entries.length === 0) return;
      flushes++;
      void flush(entries).finally(() => {
        flushes--;
        for (const entry of entries) busyIds.delete(options.idOf(entry.row));
        schedule();
      });
    });
  }

  return {
    submit: (row) =>
      new Promise((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        schedule();
      }),
  };
}
