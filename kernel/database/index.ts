export { Write, type Slot } from "./write.ts";
export type { Dialect, Query, QueryResult, Store } from "./store.ts";
export { migrate, migrationLockKey, type Migration, type RoomMigrations } from "./migrator.ts";
export { guardMigration, requireOne, requireOneHere } from "./guard.ts";
export { isOneOf, rowsFromJson, type JsonColumns } from "./rows-from-json.ts";
export { rawTable } from "./raw-table.ts";
