import type { SourceLocation } from "@norns/adapters/sources";
import type { Actor } from "@norns/kernel/actor";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Write } from "@norns/kernel/database";
import type { AppName, WorkspaceId } from "@norns/kernel/ids";
import type { App } from "./app.ts";
import type { Finding } from "./infraspec/index.ts";

export type AuditTrail = Pick<Audit, "record">;

export interface ValidationResult {
  readonly app: string;
  readonly valid: boolean;
  readonly findings: readonly Finding[];
}

export interface NewApp {
  readonly workspace: WorkspaceId;
  readonly actor: Actor;
  readonly location: SourceLocation;
  /** A valid infraspec's text; invalid text is refused with its findings. */
  readonly specText: string;
}

/** What changed or was forgotten, after its commit. */
export interface AppChange {
  readonly name: AppName;
  readonly workspace: WorkspaceId;
}

export interface Catalog {
  /** The apps of a workspace by name, absent ones included (see `App.isAbsent`). */
  listApps(workspace: WorkspaceId): Promise<readonly App[]>;
  /** All apps of the installation: for schedulers and ingress, never for a route. */
  listEveryApp(): Promise<readonly App[]>;
  /** Null for an unknown name and for an app of another workspace alike. */
  findApp(workspace: WorkspaceId, name: string): Promise<App | null>;
  /** Throws `app_not_found` (not_found). */
  getApp(workspace: WorkspaceId, name: string): Promise<App>;
  /**
   * Adds the app (or its new spec and location) to the write, with event and audit row. Answers with the app as it will
   * be. Throws `infraspec_invalid` (invalid, details.findings), `app_name_taken`, `app_in_directory` and `hostname_taken`
   * (conflict). The commit fails with `guard_failed` or `unique_violation` (conflict) when somebody was quicker.
   */
  registerApp(write: Write, app: NewApp): Promise<App>;
  /** Takes a registered or absent app out of the catalogue. Conflict `app_in_directory` while its directory has it. */
  forgetApp(write: Write, app: { workspace: WorkspaceId; name: AppName; actor: Actor }): Promise<void>;
  validateApp(workspace: WorkspaceId, name: string, options?: { strictSecrets?: boolean }): Promise<ValidationResult>;
  validateApps(workspace: WorkspaceId, options?: { strictSecrets?: boolean }): Promise<ValidationResult[]>;
  /** Called after each change this process has committed. Returns the way to stop. */
  onChange(callback: (change: AppChange) => void): () => void;
  /** Reads the apps directory now; resolves when what it found is committed. Nothing to do without a directory. */
  scan(): Promise<void>;
  /** Scans, then follows the directory until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
}
