/** The tables of every room, in the order of boundaries.ts: kernel, identity, apps. */
import { identityMigrations } from "@norns/capabilities/identity";
import { catalogMigrations } from "@norns/capabilities/apps/catalog";
import { deploymentsMigrations } from "@norns/capabilities/apps/deployments";
import { processesMigrations } from "@norns/capabilities/apps/processes";
import { migrate, type RoomMigrations, type Store } from "@norns/kernel/database";
import { kernelMigrations } from "@norns/kernel/events";
import { httpMigrations } from "@norns/kernel/http";
import { ledgerMigrations } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import { vaultMigrations } from "@norns/kernel/vault";
import { keyMigrations } from "../keys.ts";
import { nodesMigrations } from "../nodes.ts";

export const allMigrations: readonly RoomMigrations[] = [
  ...[kernelMigrations, ledgerMigrations, vaultMigrations, httpMigrations, nodesMigrations, keyMigrations],
  ...identityMigrations,
  ...[catalogMigrations, processesMigrations, deploymentsMigrations],
];

export async function bringUpToDate(store: Store, log: Log): Promise<void> {
  const { applied } = await migrate(store, allMigrations);
  if (applied.length > 0) log.info({ migrations: applied.length }, "The database is up to date");
}
