import type { RoomMigrations } from "../../database/index.ts";
import { operations } from "./0001-operations.ts";

export const ledgerMigrations: RoomMigrations = { schema: "kernel", room: "kernel/ledger", migrations: [operations] };
