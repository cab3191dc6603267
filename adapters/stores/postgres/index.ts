/**
 * The store on PostgreSQL 15 to 18.
 *
 * ```ts
 * await using store = openPostgres({ url: "postgres://…", poolSize: 10 });
 * await migrate(store, rooms);
 * ```
 */
export { openPostgres, type PostgresOptions, type PostgresStore } from "./store.ts";
export { createPostgresNotifier, type PostgresNotifier, type PostgresNotifierOptions } from "./notifier.ts";
