/**
 * A real PostgreSQL 18, run by us under NORNS_HOME: nothing to install.
 *
 * ```ts
 * const postgres = await startEmbeddedPostgres({ home: "/var/lib/norns", log, signal });
 * const store = openPostgres({ url: postgres.url });
 * await store.close();
 * await postgres.stop();
 * ```
 */
export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from "./embedded.ts";
export { stopEmbeddedPostgres } from "./stop.ts";
