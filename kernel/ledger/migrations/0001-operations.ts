import type { Migration } from "../../database/index.ts";
import { statement } from "../statements.ts";

/**
 * The indexes on what passes are partial: they hold what is under way, not the history. No index knows `state`, `due_at`
 * or who holds it, so a claim, a step's save and a heartbeat touch no index at all, and `fillfactor` leaves room for the
 * new row in the old one's page.
 */
export const operations: Migration = {
  id: "0001-operations",
  statements: (_db, dialect) =>
    [
      dialect === "postgres"
        ? `create table {operations} (seq bigint generated always as identity, id text primary key, ${columns("bigint")}) with (fillfactor = 70)`
        : `create table {operations} (seq integer primary key autoincrement, id text not null unique, ${columns("integer")})`,
      ...(dialect === "postgres" ? ["create unique index operations_by_seq on {operations} (seq)"] : []),
      "create index operations_by_workspace on {operations} (workspace, seq)",
      "create index operations_by_subject on {operations} (subject, seq)",
      "create index operations_to_wake on {operations} (wake_at) where wake_at is not null",
      "create index operations_by_lock on {operations} (lock, seq) where lock is not null and finished_at is null",
      "create index operations_unfinished on {operations} (queue, seq) where finished_at is null",
      "create index operations_dead on {operations} (queue, seq) where finished_at is not null and error is not null",
      "create index operations_to_cancel on {operations} (cancel_requested_at) where cancel_requested_at is not null and finished_at is null",
      `create table {operation_steps} (
        operation text not null,
        name text not null,
        position integer not null,
        state text not null,
        attempt integer not null,
        epoch integer not null,
        started_at bigint,
        finished_at bigint,
        output text,
        error text,
        skip_reason text,
        primary key (operation, name)
      )`,
      `create table {operation_locks} (
        lock text primary key,
        operation text not null,
        epoch integer not null
      )`,
      "create index operation_locks_by_operation on {operation_locks} (operation)",
    ].map((text) => statement(dialect, text)([])),
};

const columns = (milliseconds: string) => `
  name text not null,
  queue text not null,
  category text not null,
  workspace text not null,
  subject text not null,
  lock text,
  state text not null,
  steps text not null,
  step text,
  input text not null,
  actor text not null,
  attempt integer not null,
  epoch integer not null,
  owner text,
  holder text,
  revision integer not null,
  losses integer not null,
  node text,
  due_at ${milliseconds},
  wake_at ${milliseconds},
  error text,
  undoing_for text,
  cancel_requested_at ${milliseconds},
  created_at ${milliseconds} not null,
  started_at ${milliseconds},
  updated_at ${milliseconds} not null,
  finished_at ${milliseconds},
  check ((due_at is null) = (finished_at is not null))`;
