/** The only file that names this room's tables. */
import type { Artifact } from "@norns/adapters/engines";
import type { EngineName, Infraspec } from "@norns/capabilities/apps/catalog";
import type { Store, Write } from "@norns/kernel/database";
import type { AppName, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { CurrentRelease } from "./desired/current-release.ts";
import type { Scales } from "./processes.ts";
import type { AppScaleRow, CurrentReleaseRow, ProcessesTables } from "./tables.ts";

export interface ProcessesStore {
  find(workspace: WorkspaceId, app: AppName): Promise<CurrentRelease | null>;
  list(): Promise<CurrentRelease[]>;
  scalesOf(workspace: WorkspaceId, app: AppName): Promise<Scales>;
  listScales(): Promise<ReadonlyMap<AppName, Scales>>;
  version(): Promise<number>;
  setCurrent(write: Write, next: CurrentRelease): void;
  dropCurrent(write: Write, workspace: WorkspaceId, app: AppName): void;
  setScale(write: Write, scale: { workspace: WorkspaceId; app: AppName; process: ProcessName; count: number; at: number }): void;
}

export function createProcessesStore(store: Store): ProcessesStore {
  const apps = store.tables<ProcessesTables>("apps");
  const countUp = (write: Write) =>
    write.add(
      apps
        .updateTable("desired_versions")
        .set((row) => ({ version: row("version", "+", 1) }))
        .where("id", "=", 1),
    );

  return {
    async find(workspace, app) {
      const row = await apps
        .selectFrom("current_releases")
        .selectAll()
        .where("app", "=", app)
        .where("workspace", "=", workspace)
        .executeTakeFirst();
      return row ? fromRow(row) : null;
    },
    async list() {
      const rows = await apps.selectFrom("current_releases").selectAll().orderBy("app").execute();
      return rows.map(fromRow);
    },
    async scalesOf(workspace, app) {
      const rows = await apps
        .selectFrom("app_scales")
        .select(["process", "count"])
        .where("app", "=", app)
        .where("workspace", "=", workspace)
        .execute();
      return toScales(rows);
    },
    async listScales() {
      const rows = await apps.selectFrom("app_scales").select(["app", "process", "count"]).execute();
      const byApp = Map.groupBy(rows, (row) => row.app as AppName);
      return new Map([...byApp].map(([app, scales]) => [app, toScales(scales)]));
    },
    async version() {
      const row = await apps.selectFrom("desired_versions").select("version").where("id", "=", 1).executeTakeFirstOrThrow();
      return row.version;
    },
    setCurrent(write, next) {
      const { app, ...rest } = toRow(next);
      write.add(
        apps
          .insertInto("current_releases")
          .values({ app, ...rest })
          .onConflict((conflict) => conflict.column("app").doUpdateSet(rest)),
      );
      countUp(write);
    },
    dropCurrent(write, workspace, app) {
      write.add(apps.deleteFrom("current_releases").where("app", "=", app).where("workspace", "=", workspace));
      write.add(apps.deleteFrom("app_scales").where("app", "=", app).where("workspace", "=", workspace));
      countUp(write);
    },
    setScale(write, { workspace, app, process, count, at }) {
      write.add(
        apps
          .insertInto("app_scales")
          .values({ app, process, workspace, count, updated_at: at })
          .onConflict((conflict) => conflict.columns(["app", "process"]).doUpdateSet({ workspace, count, updated_at: at })),
      );
      countUp(write);
    },
  };
}

const toScales = (rows: readonly Pick<AppScaleRow, "process" | "count">[]): Scales =>
  Object.fromEntries(rows.map((row) => [row.process, row.count]));

/** The casts restore the brands of what this file wrote. */
const fromRow = (row: CurrentReleaseRow): CurrentRelease => ({
  workspace: row.workspace as WorkspaceId,
  app: row.app as AppName,
  release: row.release_id as ReleaseId,
  number: row.number,
  commit: row.commit_sha,
  engine: row.engine as EngineName,
  node: row.node as NodeId,
  spec: JSON.parse(row.spec_json) as Infraspec,
  artifact: JSON.parse(row.artifact_json) as Artifact,
  switchedAt: row.switched_at,
});

const toRow = (current: CurrentRelease): CurrentReleaseRow => ({
  app: current.app,
  workspace: current.workspace,
  release_id: current.release,
  number: current.number,
  commit_sha: current.commit,
  engine: current.engine,
  node: current.node,
  spec_json: JSON.stringify(current.spec),
  artifact_json: JSON.stringify(current.artifact),
  switched_at: current.switchedAt,
});
