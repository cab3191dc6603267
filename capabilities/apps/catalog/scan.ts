/** Brings the table in line with the apps directory. Safe to run twice, and in several processes at once. */
import { Write, type Store } from "@norns/kernel/database";
import { NornsError } from "@norns/kernel/errors";
import type { Clock } from "@norns/kernel/clock";
import type { Events } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import { realpath } from "node:fs/promises";
import { listSpecs } from "./directory.ts";
import { appEvent, type AppAction } from "./events.ts";
import type { AuditTrail } from "./catalog.ts";
import { refuseTakenHostnames } from "./hostname-claims.ts";
import { planScan } from "./scan-plan.ts";
import { revisionOf, type AppRecord, type AppStore } from "./store.ts";
import type { AppRow } from "./tables.ts";

export interface ScanDeps {
  readonly store: Store;
  readonly apps: AppStore;
  readonly events: Events;
  readonly audit?: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly appsDir: string;
  readonly workspace: WorkspaceId;
  /** Told of each app whose row has changed, after its commit. */
  changed(row: AppRow): void;
}

const scanner = { kind: "system", id: "catalog", label: "apps directory" } as const;

export function createScan(deps: ScanDeps): (signal?: AbortSignal) => Promise<void> {
  const told = new Set<string>();
  const tellOnce = (why: string, fields: Record<string, unknown>) => {
    const key = JSON.stringify([why, fields]);
    if (told.has(key) || told.size > 1000) return;
    told.add(key);
    deps.log.warn(fields, why);
  };

  /** What was found and stored at the last scan: when neither has changed, there is nothing to parse or compare. */
  let settled = "";

  return async (signal) => {
    const listing = await listSpecs(deps.appsDir, signal);
    // A directory that cannot be read says nothing about its apps: an unplugged disk must not take them away.
    if (!listing) return tellOnce("The apps directory is not there; apps found earlier are kept.", { appsDir: deps.appsDir });
    for (const { folder, why } of listing.refused) tellOnce(`A directory of the apps directory is left out: ${why}.`, { folder });

    const revisions = await deps.apps.revisions();
    const state = JSON.stringify([listing.found, revisions]);
    if (state === settled) return;
    const rows = await deps.apps.rows(revisions.map(({ name }) => name));
    const plan = planScan(listing.found, rows, await realpath(deps.appsDir), deps.workspace);
    for (const { folder, why } of plan.refused) tellOnce(`A directory of the apps directory is left out: ${why}.`, { folder });

    const rowOf = new Map(rows.map((row) => [row.name, row]));
    let changes = 0;
    // What is wrong with one app holds up no other; a database that is away holds up all.
    const failures: unknown[] = [];
    for (const record of refuseTakenHostnames(plan.records, rows)) {
      signal?.throwIfAborted();
      const row = rowOf.get(record.name);
      if (row?.revision === revisionOf(record)) continue;
      changes++;
      try {
        await change(deps, row, record);
      } catch (error) {
        if (error instanceof NornsError && error.kind === "unavailable") throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, "Several apps could not be written down.");
    settled = changes === 0 ? state : "";
  };
}

/** One app, one write. */
async function change(deps: ScanDeps, seen: AppRow | undefined, record: AppRecord): Promise<void> {
  const write = new Write();
  const at = deps.clock.now();
  const row = seen ? deps.apps.update(write, seen, record, at) : deps.apps.insert(write, record, at);
  const action = actionOf(seen, row);
  deps.events.append(write, appEvent(action, row, scanner.label));
  deps.audit?.record(write, {
    workspace: deps.workspace,
    actor: scanner,
    action: action.replace(/^app\./, "apps."),
    subject: appEvent(action, row, scanner.label).subject,
    ...(seen ? { before: { revision: seen.revision } } : {}),
    after: { revision: row.revision },
  });
  write.afterCommit(() => deps.changed(row));
  try {
    await write.commit(deps.store);
  } catch (error) {
    // Another process was first: it has written the same, and the next scan sees it.
    if (error instanceof NornsError && error.kind === "conflict") return;
    throw error;
  }
}

function actionOf(seen: AppRow | undefined, row: AppRow): AppAction {
  if (!seen) return "app.registered";
  if (seen.is_absent !== row.is_absent) return row.is_absent === 1 ? "app.absent" : "app.returned";
  return "app.changed";
}
