/** The tables of every room, in the order of boundaries.ts: kernel, identity, apps. */
import { accountMigrations } from "@norns/capabilities/identity/accounts";
import { apiKeyMigrations } from "@norns/capabilities/identity/api-keys";
import { auditMigrations } from "@norns/capabilities/identity/audit";
import { workspaceMigrations } from "@norns/capabilities/identity/workspaces";
import { catalogMigrations } from "@norns/capabilities/apps/catalog";
import { deploymentsMigrations } from "@norns/capabilities/apps/deployments";
import { processesMigrations } from "@norns/capabilities/apps/processes";
import { revocationMigrations } from "@norns/kernel/actor";
import { migrate, type RoomMigrations, type Store } from "@norns/kernel/database";
import { kernelMigrations } from "@norns/kernel/events";
import { httpMigrations } from "@norns/kernel/http";
import { ledgerMigrations } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import { vaultMigrations } from "@norns/kernel/vault";
import { keyMigrations } from "../keys.ts";
import { nodesMigrations } from "../nodes.ts";

export const allMigrations: readonly RoomMigrations[] = [
  ...[kernelMigrations, ledgerMigrations, revocationMigrations, vaultMigrations, httpMigrations, nodesMigrations, keyMigrations],
  ...[auditMigrations, workspaceMigrations, apiKeyMigrations, accountMigrations],
  ...[catalogMigrations, processesMigrations, deploymentsMigrations],
];

export async function bringUpToDate(store: Store, log: Log): Promise<void> {
  const { applied } = await migrate(store, allMigrations);
  if (applied.length > 0) log.info({ migrations: applied.length }, "The database is up to date");
}
