import type { RoomMigrations } from "@norns/kernel/database";
import { appsTable } from "./0001-apps.ts";

export const catalogMigrations: RoomMigrations = { schema: "apps", room: "apps/catalog", migrations: [appsTable] };
