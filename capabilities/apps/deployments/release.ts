/** A release, and what follows from it alone. Pure. */
import type { Artifact } from "@norns/adapters/engines";
import type { EngineName, Infraspec } from "@norns/capabilities/apps/catalog";
import type { CurrentRelease } from "@norns/capabilities/apps/processes";
import type { AppName, NodeId, OperationId, ReleaseId, WorkspaceId } from "@norns/kernel/ids";

/**
 * One built version of an app. `new`: never in service; `good`: was made current once; `bad`: failed its deployment, or
 * was rolled back from. A rollback that names no release goes only to good ones.
 */
export interface Release {
  readonly id: ReleaseId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly number: number;
  readonly state: "new" | "good" | "bad";
  /** 40 hex digits, or `content-<40 hex>`. */
  readonly commit: string;
  readonly ref: string;
  /** The commit's first line; empty when there is none. */
  readonly subject: string;
  readonly spec: Infraspec;
  readonly specText: string;
  /** Null when it is no longer kept: such a release cannot be gone back to. */
  readonly artifact: Artifact | null;
  readonly engine: EngineName;
  readonly node: NodeId;
  readonly operation: OperationId;
  readonly createdAt: number;
  readonly currentSince: number | null;
}

/** A release whose artifact is kept. */
export type KeptRelease = Release & { readonly artifact: Artifact };
export const isKept = (release: Release): release is KeptRelease => release.artifact !== null;

/** `a1b2c3d`, for a person. */
export const shortCommit = (commit: string): string => (commit.startsWith("content-") ? commit.slice(8, 15) : commit.slice(0, 7));

/** The seed's `imageTag`: the image by digest, or a name for the directory. */
export const imageTagOf = (release: Pick<Release, "app" | "commit">, artifact: Artifact | null): string =>
  artifact?.kind === "image" ? artifact.image : `${release.app}:${release.commit.replace("content-", "").slice(0, 12)}`;

/** `release 4 (a1b2c3d)`, as messages name one. */
export const releaseName = (release: Pick<Release, "number" | "commit">): string =>
  `release ${release.number} (${shortCommit(release.commit)})`;

export const toCurrent = (release: KeptRelease, switchedAt: number): CurrentRelease => ({
  workspace: release.workspace,
  app: release.app,
  release: release.id,
  number: release.number,
  commit: release.commit,
  engine: release.engine,
  node: release.node,
  spec: release.spec,
  artifact: release.artifact,
  switchedAt,
});
