/** An app of the catalogue: what should run, where its source comes from, and what was found wrong with it. */
import type { SourceLocation } from "@norns/adapters/sources";
import type { AppName, WorkspaceId } from "@norns/kernel/ids";
import { isValid, parseInfraspec, type EngineName, type Finding, type Infraspec } from "./infraspec/index.ts";
import type { AppRow } from "./tables.ts";

export interface App {
  readonly name: AppName;
  readonly workspace: WorkspaceId;
  readonly location: SourceLocation;
  /** The catalogue directory it was found in; absent for registered apps. */
  readonly directory?: string;
  /** Follows from the last good spec alone: a daemon that comes or goes moves nothing. What runs stays on its release's. */
  readonly engine: EngineName;
  /** The last good spec; null when there never was one (the findings say why). Running apps keep to it. */
  readonly spec: Infraspec | null;
  /** The text as it stands now, which `findings` speaks of; it may be broken while `spec` is the one before. */
  readonly specText: string;
  readonly findings: readonly Finding[];
  /** The part of the findings that is not about the text: a second directory of the same name, a taken address. */
  readonly notes: readonly Finding[];
  /** True when the text as it stands has no error: only then may it be deployed. */
  readonly isValid: boolean;
  /** True when its directory is gone or says `deploy: false`. What runs of it goes on; it cannot be deployed. */
  readonly isAbsent: boolean;
  /** `scan` for apps of the apps directory, else the label of whoever registered it. */
  readonly registeredBy: string;
  /** Changes with every change of the row. The same revision is the same object, so answers can be kept by it. */
  readonly revision: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The app of a row. Findings are those of today's rules on the text, then what the catalogue noted itself. */
export function toApp(row: AppRow): App {
  const parsed = parseInfraspec(row.spec_text);
  // The columns hold what this room wrote: see `store.ts`.
  const notes = JSON.parse(row.notes) as Finding[];
  const location = JSON.parse(row.location) as SourceLocation;
  const findings = [...parsed.findings, ...notes];
  return {
    name: row.name as AppName,
    workspace: row.workspace as WorkspaceId,
    location,
    ...(row.directory === null ? {} : { directory: row.directory }),
    engine: row.engine as EngineName,
    spec: parsed.spec ?? (row.good_text === null ? null : parseInfraspec(row.good_text).spec),
    specText: row.spec_text,
    notes,
    findings,
    isValid: isValid(findings),
    isAbsent: row.is_absent === 1,
    registeredBy: row.registered_by,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
