import type { RoomMigrations } from "@norns/kernel/database";
import { desiredState } from "./0001-desired-state.ts";

export const processesMigrations: RoomMigrations = { schema: "apps", room: "apps/processes", migrations: [desiredState] };
