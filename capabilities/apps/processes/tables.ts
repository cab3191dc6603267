/**
 * What should run.
 *
 * `current_releases`: one row an app, replaced whole by the switch. `app_scales`: instances wanted, as set by hand.
 * `desired_versions`: one row, counted up by every change of the two others, so that a server process finds out with
 * one tiny query whether it must read them again.
 */
export interface CurrentReleaseRow {
  app: string;
  workspace: string;
  release_id: string;
  number: number;
  commit_sha: string;
  engine: string;
  node: string;
  spec_json: string;
  artifact_json: string;
  switched_at: number;
}

export interface AppScaleRow {
  app: string;
  process: string;
  workspace: string;
  count: number;
  updated_at: number;
}

export interface ProcessesTables {
  current_releases: CurrentReleaseRow;
  app_scales: AppScaleRow;
  desired_versions: { id: number; version: number };
}
