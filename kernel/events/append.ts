/**
 * Giving numbers. The events of a write go in as its last statement: it raises the counter's row by their number, which
 * locks it until the commit, and numbers them from there. So numbers follow the order of commits, none is ever skipped
 * (a rollback takes the raise back), and whoever sees number n can see every lower one. Last, because the lock makes
 * writers wait for each other: nothing but the commit comes after it.
 */
import { sql } from "kysely";
import { rawTable, rowsFromJson, type Query, type Slot, type Store, type Write } from "../database/index.ts";
import type { EventId } from "../ids/index.ts";
import type { Event, NewEvent } from "./contract.ts";

export type Pending = Omit<Event, "seq">;

export interface Appender {
  append(write: Write, event: NewEvent): void;
}

const columns = {
  id: "text",
  at: "integer",
  actor: "text",
  workspace: "text",
  subject: "text",
  operation: "text",
  category: "text",
  action: "text",
  message: "text",
  metadata: "text",
} as const;

const names = sql.join(Object.keys(columns).map((name) => sql.ref(name)));

/** `onCommitted` gets the events with their numbers, in order, once they are committed. */
export function createAppender(deps: {
  store: Store;
  now(): number;
  newEventId(): EventId;
  onCommitted(events: readonly Event[]): void;
}): Appender {
  const byWrite = new WeakMap<Write, Pending[]>();

  const open = (write: Write): Pending[] => {
    const events: Pending[] = [];
    const slot = addStatements(write, deps.store, events);
    write.afterCommit(() => {
      const first = slot.rows[0]!.last - events.length + 1;
      deps.onCommitted(events.map((event, index) => ({ ...event, seq: first + index })));
    });
    byWrite.set(write, events);
    return events;
  };

  return {
    append(write, event) {
      const events = byWrite.get(write) ?? open(write);
      events.push({ ...event, metadata: event.metadata ?? {}, id: deps.newEventId(), at: deps.now() });
    },
  };
}

/** Compiled when the write commits: by then all its events are known. */
function addStatements(write: Write, store: Store, events: readonly Pending[]): Slot<{ last: number }> {
  const db = store.tables<unknown>("kernel");
  const counter = rawTable(store, "kernel", "event_sequence");
  const log = rawTable(store, "kernel", "events");
  const lazily = <Row>(build: () => Query<Row>): Query<Row> => ({ compile: () => build().compile() });
  const given = () => rowsFromJson(store, columns, events.map(toRow), "given");

  if (store.dialect === "postgres") {
    return write.addLast(
      lazily(() => ({
        compile: () =>
          sql<{ last: number }>`
            with counter as (update ${counter} set last = last + ${String(events.length)}::bigint where id = 1 returning last),
            added as (
              insert into ${log} (seq, ${names})
              select counter.last - ${String(events.length)}::bigint + given.ordinal, ${sql.join(Object.keys(columns).map((name) => sql.ref(`given.${name}`)))}
              from counter, ${given()}
            )
            select last from counter`.compile(db),
      })),
    );
  }
  const slot = write.addLast(
    lazily(() => ({
      compile: () => sql<{ last: number }>`update ${counter} set last = last + ${events.length} where id = 1 returning last`.compile(db),
    })),
  );
  write.addLast(
    lazily(() => ({
      compile: () =>
        sql`insert into ${log} (seq, ${names})
          select (select last from ${counter} where id = 1) - ${events.length} + ordinal, ${names} from ${given()}`.compile(db),
    })),
  );
  return slot;
}

const toRow = (event: Pending) => ({
  id: event.id,
  at: event.at,
  actor: event.actor,
  workspace: event.workspace,
  subject: event.subject,
  operation: event.operation ?? null,
  category: event.category,
  action: event.action,
  message: event.message,
  metadata: JSON.stringify(event.metadata),
});
