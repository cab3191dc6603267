/**
 * `apps`: one row an app, unique by name in the installation. `spec_text` is the file as it stands, `good_text` the last
 * one without errors (what `App.spec` is read from), `notes` what the catalogue itself found, such as a second directory
 * of the same name. `revision` is a hash of all of it: a change of the row is a change of the revision.
 */
export interface AppRow {
  name: string;
  workspace: string;
  /** The directory of the apps directory it was found in; null for registered apps. */
  directory: string | null;
  /** A SourceLocation as JSON. */
  location: string;
  engine: string;
  spec_text: string;
  good_text: string | null;
  /** Findings as JSON. */
  notes: string;
  is_absent: number;
  registered_by: string;
  revision: string;
  created_at: number;
  updated_at: number;
}

export interface CatalogTables {
  apps: AppRow;
}
