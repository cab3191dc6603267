/**
 * Migrations, forward only, a list a room. Each runs as one batch together with its own record row, so it is applied
 * wholly or not at all; a second runner fails on the record's primary key and starts over, finding it done.
 */
import type { Query, Store } from "./store.ts";
import type { Kysely } from "kysely";

export interface Migration {
  /** `0001-what-it-does`; never renamed once released. */
  readonly id: string;
  /** The statements, in order. `db` is bound to the room's schema; `dialect` where the two must differ. */
  statements(db: Kysely<unknown>, dialect: Store["dialect"]): readonly Query[];
}

export interface RoomMigrations {
  /** `kernel`, `identity`, `apps`: the PostgreSQL schema, made when missing. Table names are unique across rooms. */
  readonly schema: string;
  /** `apps/catalog`: what the record row is filed under. */
  readonly room: string;
  readonly migrations: readonly Migration[];
}

export declare function migrate(store: Store, rooms: readonly RoomMigrations[]): Promise<{ applied: string[] }>;
