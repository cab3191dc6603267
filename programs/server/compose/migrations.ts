/** The tables of every room, in the order of boundaries.ts: kernel, identity, apps. */
import { migrate, type RoomMigrations, type Store } from "@norns/kernel/database";
import { revocationMigrations } from "@norns/kernel/actor";
import { kernelMigrations } from "@norns/kernel/events";
import { httpMigrations } from "@norns/kernel/http";
import { ledgerMigrations } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import { nodesMigrations } from "../nodes.ts";

export const allMigrations: readonly RoomMigrations[] = [kernelMigrations, ledgerMigrations, revocationMigrations, httpMigrations, nodesMigrations];

export async function bringUpToDate(store: Store, log: Log): Promise<void> {
  const { applied } = await migrate(store, allMigrations);
  if (applied.length > 0) log.info({ migrations: applied.length }, "The database is up to date");
}
