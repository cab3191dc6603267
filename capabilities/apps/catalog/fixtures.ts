/** A catalogue over a real database and a real directory, and texts to put there. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { aDatabase } from "@norns/adapters/stores/testing";
import { auditMigrations, createAudit } from "@norns/capabilities/identity/audit";
import type { Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import { createEvents, kernelMigrations } from "@norns/kernel/events";
import { newId, systemIdSource, type WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { createCatalog } from "./create.ts";
import { catalogMigrations } from "./migrations/index.ts";

export const home = newId("WorkspaceId");
export const foreign = newId("WorkspaceId");

export const aSpec = (name: string, rest = ""): string => `name: ${name}
processes:
  web: { command: node server.js, port: 3000, health: { path: /health } }
${rest}`;

export const anActor = (workspace: WorkspaceId = home): Actor => ({
  kind: "user",
  id: "usr_1",
  label: "ada@example.com",
  via: "session",
  roles: { [workspace]: "editor" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: workspace,
});

export interface AppsDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes `<folder>/infraspec.yaml`, or another file of the directory when the path has a dot. */
  write(path: string, text: string): Promise<void>;
}

export async function anAppsDirectory(): Promise<AppsDirectory> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "norns-apps-")));
  return {
    path,
    async write(name, text) {
      const file = join(path, name.includes(".") ? name : `${name}/infraspec.yaml`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export async function aCatalog() {
  const apps = await anAppsDirectory();
  const db = await aDatabase([kernelMigrations, auditMigrations, catalogMigrations]);
  const shared = (store: Store) => ({
    store,
    events: createEvents({ store, pollMs: 60_000 }),
    audit: createAudit({ store, clock: systemClock, ids: systemIdSource }),
    clock: systemClock,
    log: silentLog,
    defaultWorkspace: home,
  });
  const deps = shared(db.store);
  const catalog = createCatalog({ ...deps, appsDir: apps.path });
  return {
    apps,
    catalog,
    store: db.store,
    events: deps.events,
    audit: deps.audit,
    /** A further server process on the same database, with or without the directory. */
    another: (appsDir?: string) => createCatalog({ ...shared(db.openStore()), ...(appsDir === undefined ? {} : { appsDir }) }),
    async actions() {
      const { events } = await deps.events.list({ limit: 1000, order: "asc" });
      return events.map(({ action, subject }) => `${action} ${subject}`);
    },
    async [Symbol.asyncDispose]() {
      await db.close();
      await apps[Symbol.asyncDispose]();
    },
  };
}
