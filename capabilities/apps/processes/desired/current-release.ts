/** What should run of an app: one release, made current by one write. The whole of it is here, so nothing else is read to start it again. */
import type { Artifact } from "@norns/adapters/engines";
import type { EngineName, Infraspec } from "@norns/capabilities/apps/catalog";
import type { AppName, NodeId, ReleaseId, WorkspaceId } from "@norns/kernel/ids";

export interface CurrentRelease {
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  /** 1, 2, 3 … an app: how people name a release. */
  readonly number: number;
  readonly commit: string;
  readonly engine: EngineName;
  /** The machine whose engine holds its instances; only workers of that node act on them. */
  readonly node: NodeId;
  /** The release's own spec, as it was built with; never the catalogue's of today. */
  readonly spec: Infraspec;
  readonly artifact: Artifact;
  readonly switchedAt: number;
}
