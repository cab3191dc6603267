/** The only file that names this room's tables. */
import type { Artifact } from "@norns/adapters/engines";
import type { EngineName, Infraspec } from "@norns/capabilities/apps/catalog";
import type { CurrentRelease } from "@norns/capabilities/apps/processes";
import type { Store, Write } from "@norns/kernel/database";
import type { AppName, NodeId, OperationId, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { OperationError } from "@norns/kernel/ledger";
import { imageTagOf, type Release } from "./release.ts";
import type { DeploymentRow, DeploymentsTables, ReleaseRow } from "./tables.ts";

export type Deployment = DeploymentRow;

export interface NewDeployment {
  readonly id: OperationId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly kind: "deploy" | "rollback";
  readonly ref: string;
  readonly actor: string;
  readonly releaseId: ReleaseId;
  readonly release?: Release;
  readonly from?: Pick<CurrentRelease, "release" | "number"> | undefined;
  readonly isAutomatic: boolean;
  readonly at: number;
}

export function createDeploymentsStore(store: Store) {
  const apps = store.tables<DeploymentsTables>("apps");

  return {
    addDeployment(write: Write, deployment: NewDeployment): void {
      const { release, from } = deployment;
      write.add(
        apps.insertInto("deployments").values({
          id: deployment.id,
          workspace: deployment.workspace,
          app: deployment.app,
          kind: deployment.kind,
          ref: deployment.ref,
          actor: deployment.actor,
          release_id: deployment.releaseId,
          release_number: release?.number ?? null,
          commit_sha: release?.commit ?? "",
          image_tag: release ? imageTagOf(release, release.artifact) : "",
          from_release_id: from?.release ?? null,
          from_release_number: from?.number ?? null,
          automatic_from: deployment.isAutomatic ? (from?.release ?? null) : null,
          created_at: deployment.at,
          switched_at: null,
          finished_at: null,
          outcome: null,
          error_json: null,
        }),
      );
    },

    setCommit(write: Write, id: OperationId, commit: string): void {
      write.add(
        apps
          .updateTable("deployments")
          .set({ commit_sha: commit, finished_at: null, outcome: null, error_json: null })
          .where("id", "=", id),
      );
    },

    /** The built release, and that this deployment brings it. Written again by a repeated build. */
    addRelease(write: Write, release: Release): void {
      const { id, ...rest } = toRow(release);
      write.add(
        apps
          .insertInto("releases")
          .values({ id, ...rest })
          .onConflict((conflict) => conflict.column("id").doUpdateSet(rest)),
      );
      write.add(
        apps
          .updateTable("deployments")
          .set({ release_number: release.number, image_tag: imageTagOf(release, release.artifact) })
          .where("id", "=", release.operation),
      );
    },

    /** The switch, as this room sees it. `leavesBad`: the release that was left is not to be gone back to. */
    setSwitched(write: Write, operation: OperationId, to: ReleaseId, from: CurrentRelease | null, leavesBad: boolean, at: number): void {
      write.add(apps.updateTable("releases").set({ state: "good", current_since: at }).where("id", "=", to));
      if (from && leavesBad) write.add(apps.updateTable("releases").set({ state: "bad" }).where("id", "=", from.release));
      write.add(
        apps
          .updateTable("deployments")
          .set({ switched_at: at, from_release_id: from?.release ?? null, from_release_number: from?.number ?? null })
          .where("id", "=", operation),
      );
    },

    setEnded(write: Write, id: OperationId, end: { deployed: boolean | undefined; error: OperationError | undefined; at: number }): void {
      const shared = { finished_at: end.at, error_json: end.error ? JSON.stringify(end.error) : null };
      write.add(
        apps
          .updateTable("deployments")
          .set((row) => ({
            ...shared,
            outcome:
              end.deployed === undefined
                ? row.case().when("switched_at", "is not", null).then("deployed").else("failed").end()
                : row.val(end.deployed ? "deployed" : "failed"),
          }))
          .where("id", "=", id),
      );
    },

    /** It never came into service and its artifact is gone. */
    setFailed(write: Write, id: ReleaseId): void {
      write.add(apps.updateTable("releases").set({ state: "bad", artifact_json: null }).where("id", "=", id).where("state", "=", "new"));
    },

    forgetArtifact(write: Write, id: ReleaseId): void {
      write.add(apps.updateTable("releases").set({ artifact_json: null }).where("id", "=", id));
    },

    forgetApp(write: Write, workspace: WorkspaceId, app: AppName): void {
      write.add(apps.deleteFrom("releases").where("workspace", "=", workspace).where("app", "=", app));
    },

    async findRelease(workspace: WorkspaceId, app: AppName, id: ReleaseId): Promise<Release | null> {
      const row = await apps
        .selectFrom("releases")
        .selectAll()
        .where("id", "=", id)
        .where("workspace", "=", workspace)
        .where("app", "=", app)
        .executeTakeFirst();
      return row ? fromRow(row) : null;
    },

    /** Newest first. */
    async listReleases(workspace: WorkspaceId, app: AppName): Promise<Release[]> {
      const rows = await apps
        .selectFrom("releases")
        .selectAll()
        .where("workspace", "=", workspace)
        .where("app", "=", app)
        .orderBy("number", "desc")
        .limit(500)
        .execute();
      return rows.map(fromRow);
    },

    /** The app's lock is held: nobody else gives a number meanwhile, and the unique index would refuse them. */
    async nextNumber(app: AppName): Promise<number> {
      const row = await apps
        .selectFrom("releases")
        .select((select) => select.fn.max("number").as("highest"))
        .where("app", "=", app)
        .executeTakeFirst();
      return (row?.highest ?? 0) + 1;
    },

    async findDeployment(workspace: WorkspaceId, id: OperationId): Promise<Deployment | null> {
      const row = await apps
        .selectFrom("deployments")
        .selectAll()
        .where("id", "=", id)
        .where("workspace", "=", workspace)
        .executeTakeFirst();
      return row ?? null;
    },

    /** Newest first. `outcome` null: those that are not over. */
    async listDeployments(
      workspace: WorkspaceId,
      query: { app?: AppName | undefined; outcome?: "deployed" | "failed" | null | undefined; before?: string | undefined; limit: number },
    ): Promise<Deployment[]> {
      let select = apps.selectFrom("deployments").selectAll().where("workspace", "=", workspace);
      if (query.app !== undefined) select = select.where("app", "=", query.app);
      if (query.outcome === null) select = select.where("outcome", "is", null);
      else if (query.outcome !== undefined) select = select.where("outcome", "=", query.outcome);
      if (query.before !== undefined) select = select.where("id", "<", query.before);
      return select.orderBy("id", "desc").limit(query.limit).execute();
    },

    /** How many since then, by app and outcome. */
    async countSince(workspace: WorkspaceId, at: number): Promise<{ app: string; outcome: string | null; count: number }[]> {
      return apps
        .selectFrom("deployments")
        .select((select) => ["app", "outcome", select.fn.countAll<number>().as("count")])
        .where("workspace", "=", workspace)
        .where("created_at", ">=", at)
        .groupBy(["app", "outcome"])
        .execute();
    },
  };
}

export type DeploymentsStore = ReturnType<typeof createDeploymentsStore>;

/** The casts restore the brands of what this file wrote. */
const fromRow = (row: ReleaseRow): Release => ({
  id: row.id as ReleaseId,
  workspace: row.workspace as WorkspaceId,
  app: row.app as AppName,
  number: row.number,
  state: row.state as Release["state"],
  commit: row.commit_sha,
  ref: row.ref,
  subject: row.subject,
  spec: JSON.parse(row.spec_json) as Infraspec,
  specText: row.spec_text,
  artifact: row.artifact_json === null ? null : (JSON.parse(row.artifact_json) as Artifact),
  engine: row.engine as EngineName,
  node: row.node as NodeId,
  operation: row.operation as OperationId,
  createdAt: row.created_at,
  currentSince: row.current_since,
});

const toRow = (release: Release): ReleaseRow => ({
  id: release.id,
  workspace: release.workspace,
  app: release.app,
  number: release.number,
  state: release.state,
  commit_sha: release.commit,
  ref: release.ref,
  subject: release.subject,
  spec_text: release.specText,
  spec_json: JSON.stringify(release.spec),
  artifact_json: release.artifact === null ? null : JSON.stringify(release.artifact),
  engine: release.engine,
  node: release.node,
  operation: release.operation,
  created_at: release.createdAt,
  current_since: release.currentSince,
});
