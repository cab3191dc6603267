/** The store port is the kernel's own: rooms and ledger are written against it. */
export type { Dialect, Query, QueryResult, Store } from "@norns/kernel/database";
