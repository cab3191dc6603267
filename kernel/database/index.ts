export { Write, type Slot } from "./write.ts";
export type { Dialect, Query, QueryResult, Store } from "./store.ts";
export { migrate, type Migration, type RoomMigrations } from "./migrator.ts";
