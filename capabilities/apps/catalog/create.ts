/** Joins the room's parts: the table, a cache of parsed apps over it, and, where there is one, the apps directory. */
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { AppName, WorkspaceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import { toApp, type App } from "./app.ts";
import type { AppChange, AuditTrail, Catalog, ValidationResult } from "./catalog.ts";
import { appInDirectory, appNotFound } from "./errors.ts";
import { appEvent } from "./events.ts";
import { isValid, parseInfraspec } from "./infraspec/index.ts";
import { registerApp } from "./register-app.ts";
import { createScan } from "./scan.ts";
import { createAppStore } from "./store.ts";
import type { AppRow } from "./tables.ts";
import { followDirectory } from "./watch.ts";

export interface CatalogDeps {
  readonly store: Store;
  readonly events: Events;
  readonly audit?: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  /** NORNS_APPS_DIR; undefined in a process that has no such directory. */
  readonly appsDir?: string;
  /** The workspace that apps of the directory belong to. */
  readonly defaultWorkspace: WorkspaceId;
}

export function createCatalog(deps: CatalogDeps): Catalog {
  const { store, events, audit, clock, log } = deps;
  const apps = createAppStore(store);
  const listeners = new Set<(change: AppChange) => void>();
  const changed = (row: Pick<AppRow, "name" | "workspace">) => {
    for (const listener of listeners) listener({ name: row.name as AppName, workspace: row.workspace as WorkspaceId });
  };

  // Parsing is worth keeping: 100 apps cost one query of names and revisions, and the same App objects every time.
  const cache = new Map<string, App>();
  const withApps = async (revisions: readonly { name: string; revision: string }[]): Promise<App[]> => {
    const stale = revisions.filter(({ name, revision }) => cache.get(name)?.revision !== revision).map(({ name }) => name);
    for (const row of await apps.rows(stale)) cache.set(row.name, toApp(row));
    // A row deleted between the two queries is in neither: it is simply not listed.
    return revisions.flatMap(({ name }) => cache.get(name) ?? []);
  };

  const listEveryApp = async (): Promise<App[]> => {
    const revisions = await apps.revisions();
    const names = new Set(revisions.map(({ name }) => name));
    for (const name of cache.keys()) if (!names.has(name)) cache.delete(name);
    return await withApps(revisions);
  };

  const findApp = async (workspace: WorkspaceId, name: string): Promise<App | null> => {
    const row = await apps.row(name);
    if (!row || row.workspace !== workspace) return null;
    const kept = cache.get(name);
    if (kept?.revision === row.revision) return kept;
    const app = toApp(row);
    cache.set(name, app);
    return app;
  };

  const getApp = async (workspace: WorkspaceId, name: string): Promise<App> => {
    const app = await findApp(workspace, name);
    if (!app) throw appNotFound(name);
    return app;
  };

  const listApps = async (workspace: WorkspaceId): Promise<App[]> => await withApps(await apps.revisions(workspace));

  const { appsDir } = deps;
  const scan =
    appsDir === undefined
      ? async () => {}
      : createScan({ store, apps, events, ...(audit ? { audit } : {}), clock, log, appsDir, workspace: deps.defaultWorkspace, changed });

  return {
    listApps,
    listEveryApp,
    findApp,
    getApp,
    registerApp: (write, app) =>
      registerApp({ apps, events, ...(audit ? { audit } : {}), clock, everyApp: listEveryApp, changed }, write, app),
    async forgetApp(write, { workspace, name, actor }) {
      const row = await apps.row(name);
      if (!row || row.workspace !== workspace) throw appNotFound(name);
      if (row.directory !== null && row.is_absent === 0) throw appInDirectory(name);
      apps.remove(write, row);
      const event = appEvent("app.forgotten", row, actor.label);
      events.append(write, event);
      audit?.record(write, { workspace, actor, action: "apps.forget", subject: event.subject, before: { revision: row.revision } });
      write.afterCommit(() => {
        cache.delete(name);
        changed(row);
      });
    },
    validateApp: async (workspace, name, options) => validate(await getApp(workspace, name), options?.strictSecrets ?? false),
    async validateApps(workspace, options) {
      return (await listApps(workspace)).filter((app) => !app.isAbsent).map((app) => validate(app, options?.strictSecrets ?? false));
    },
    onChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    scan: () => scan(),
    async watch(signal) {
      if (appsDir !== undefined) await followDirectory({ appsDir, clock, log, scan }, signal);
    },
  };
}

function validate(app: App, strictSecrets: boolean): ValidationResult {
  const findings = strictSecrets ? [...parseInfraspec(app.specText, { strictSecrets }).findings, ...app.notes] : app.findings;
  return { app: app.name, valid: isValid(findings), findings };
}
