/**
 * `releases`: one row a built version of an app; immutable but for its state and for its artifact, which goes when it
 * is no longer kept. `deployments`: one row an operation that brings a release into service; how it goes is read from
 * the operation, how it ended is written here by the very write that ends it.
 */
export interface ReleaseRow {
  id: string;
  workspace: string;
  app: string;
  number: number;
  state: string;
  commit_sha: string;
  ref: string;
  subject: string;
  spec_text: string;
  spec_json: string;
  /** Null when it is no longer kept. */
  artifact_json: string | null;
  engine: string;
  node: string;
  operation: string;
  created_at: number;
  /** When it was last made current. */
  current_since: number | null;
}

export interface DeploymentRow {
  /** The operation's id. */
  id: string;
  workspace: string;
  app: string;
  kind: string;
  ref: string;
  actor: string;
  /** For a rollback: the release it goes to. For a deployment: the one it makes. */
  release_id: string;
  release_number: number | null;
  commit_sha: string;
  image_tag: string;
  /** The release that was current when it switched, or when a rollback was asked for. */
  from_release_id: string | null;
  from_release_number: number | null;
  /** Of an automatic rollback: the release it leaves. Unique, so that two servers start one. */
  automatic_from: string | null;
  created_at: number;
  switched_at: number | null;
  finished_at: number | null;
  outcome: string | null;
  error_json: string | null;
}

export interface DeploymentsTables {
  releases: ReleaseRow;
  deployments: DeploymentRow;
}
