import type { RoomMigrations } from "@norns/kernel/database";
export declare const processesMigrations: RoomMigrations;
