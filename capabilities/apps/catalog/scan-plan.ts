/**
 * Which rows the apps directory asks for. Pure: what was found and what is stored go in, records come out; running it
 * again on its own result changes nothing.
 */
import type { SourceLocation } from "@norns/adapters/sources";
import { namePattern, type AppName, type WorkspaceId } from "@norns/kernel/ids";
import type { FoundSpec } from "./directory.ts";
import { engineOf, parseInfraspec, type Finding, type ParsedInfraspec } from "./infraspec/index.ts";
import type { AppRecord } from "./store.ts";
import type { AppRow } from "./tables.ts";

export interface ScanPlan {
  /** What the rows should say. Rows of apps that are not of this directory come only with changed notes. */
  readonly records: readonly AppRecord[];
  /** Directories that no app could be made of, for the log. */
  readonly refused: readonly { readonly folder: string; readonly why: string }[];
}

interface Candidate extends FoundSpec {
  readonly parsed: ParsedInfraspec;
  readonly name: AppName;
}

export function planScan(found: readonly FoundSpec[], rows: readonly AppRow[], root: string, workspace: WorkspaceId): ScanPlan {
  const rowOfDirectory = new Map(rows.flatMap((row) => (row.directory === null ? [] : [[row.directory, row] as const])));
  const rowOfName = new Map(rows.map((row) => [row.name, row]));
  const refused: { folder: string; why: string }[] = [];

  const candidates: Candidate[] = [];
  for (const each of found) {
    const parsed = parseInfraspec(each.text);
    if (parsed.spec && !parsed.spec.deploy) continue;
    const name = parsed.name ?? nameWithout(each, rowOfDirectory.get(each.directory));
    if (name) candidates.push({ ...each, parsed, name });
    else refused.push({ folder: each.folder, why: "its infraspec.yaml has no readable name, and the directory's is no name for an app" });
  }

  const records: AppRecord[] = [];
  for (const [name, claimants] of Map.groupBy(candidates, (candidate) => candidate.name)) {
    const row = rowOfName.get(name);
    if (row && !isOurs(row, root) && row.is_absent === 0) {
      records.push({ ...recordOf(row), notes: JSON.stringify(notesOn(claimants)) });
      continue;
    }
    const first = claimants.find((claimant) => claimant.directory === row?.directory) ?? claimants[0]!;
    records.push(toRecord(first, claimants, row, workspace));
  }

  const claimed = new Set(candidates.map((candidate) => candidate.name as string));
  for (const row of rows)
    if (isOurs(row, root) && !claimed.has(row.name)) records.push({ ...recordOf(row), is_absent: 1, notes: "[]" });
    else if (!isOurs(row, root) && !claimed.has(row.name) && row.notes.includes(duplicateField))
      records.push({ ...recordOf(row), notes: "[]" });
  return { records, refused };
}

/** True for rows that a scan of this directory made. */
const isOurs = (row: AppRow, root: string): boolean => row.directory !== null && row.directory.startsWith(`${root}/`);

/** For a file too broken to say its name: the one it had, else the directory's. */
function nameWithout(found: FoundSpec, row: AppRow | undefined): AppName | undefined {
  if (row) return row.name as AppName;
  return namePattern.test(found.folder) ? (found.folder as AppName) : undefined;
}

function toRecord(candidate: Candidate, claimants: readonly Candidate[], row: AppRow | undefined, workspace: WorkspaceId): AppRecord {
  const { parsed, directory, text, name } = candidate;
  const others = claimants.filter((claimant) => claimant !== candidate);
  const location: SourceLocation = parsed.spec?.repo
    ? { kind: "git", url: parsed.spec.repo.url, branch: parsed.spec.repo.branch }
    : { kind: "directory", path: directory };
  return {
    name,
    workspace: row?.workspace ?? workspace,
    directory,
    // While the file is broken, the source stays where the last good one says.
    location: parsed.spec || !row ? JSON.stringify(location) : row.location,
    engine: parsed.spec ? engineOf(parsed.spec) : (row?.engine ?? "process"),
    spec_text: text,
    good_text: parsed.spec ? text : (row?.good_text ?? null),
    notes: JSON.stringify(others.length > 0 ? notesOn(others) : []),
    is_absent: 0,
    registered_by: "scan",
  };
}

const duplicateField = '"field":"name"';

const notesOn = (others: readonly Candidate[]): Finding[] =>
  others.map(({ folder }) => ({
    severity: "warning",
    field: "name",
    message: `\`name\` is also the name in the directory ${folder}, which is left out. Give one of the two another name.`,
  }));

function recordOf(row: AppRow): AppRecord {
  const { revision: _, created_at: __, updated_at: ___, ...record } = row;
  return record;
}
