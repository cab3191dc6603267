/** Registers an app that does not come from the apps directory: an upload, a repository. */
import { appEvent } from "./events.ts";
import type { AuditTrail, NewApp } from "./catalog.ts";
import { toApp, type App } from "./app.ts";
import { appInDirectory, appNameTaken, hostnameTaken, infraspecInvalid, repositoryRefused } from "./errors.ts";
import { takenHostname } from "./hostname-claims.ts";
import { engineOf, parseInfraspec } from "./infraspec/index.ts";
import type { SourceLocation } from "@norns/adapters/sources";
import type { Clock } from "@norns/kernel/clock";
import type { Write } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import { checkBranch, checkRepositoryUrl } from "./infraspec/values.ts";
import { revisionOf, type AppRecord, type AppStore } from "./store.ts";
import type { AppRow } from "./tables.ts";

export interface RegisterDeps {
  readonly apps: AppStore;
  readonly events: Events;
  readonly audit?: AuditTrail;
  readonly clock: Clock;
  /** Every app of the installation, for the addresses that are taken. */
  everyApp(): Promise<readonly App[]>;
  changed(row: AppRow): void;
}

export async function registerApp(deps: RegisterDeps, write: Write, given: NewApp): Promise<App> {
  const { spec, findings } = parseInfraspec(given.specText);
  if (!spec) throw infraspecInvalid(findings);
  checkLocation(given.location);
  const seen = await deps.apps.row(spec.name);
  if (seen && seen.workspace !== given.workspace) throw appNameTaken(spec.name);
  if (seen && seen.directory !== null && seen.is_absent === 0) throw appInDirectory(spec.name);
  const taken = takenHostname(
    spec,
    (await deps.everyApp()).filter((app) => app.name !== spec.name),
  );
  if (taken !== undefined) throw hostnameTaken(taken);

  const record: AppRecord = {
    name: spec.name,
    workspace: given.workspace,
    directory: null,
    location: JSON.stringify(given.location),
    engine: engineOf(spec),
    spec_text: given.specText,
    good_text: given.specText,
    notes: "[]",
    is_absent: 0,
    registered_by: given.actor.label,
  };
  if (seen?.revision === revisionOf(record)) return toApp(seen);

  const at = deps.clock.now();
  const row = seen ? deps.apps.update(write, seen, record, at) : deps.apps.insert(write, record, at);
  const event = appEvent(seen ? "app.changed" : "app.registered", row, given.actor.label);
  deps.events.append(write, event);
  deps.audit?.record(write, {
    workspace: given.workspace,
    actor: given.actor,
    action: "apps.register",
    subject: event.subject,
    ...(seen ? { before: { revision: seen.revision, location: JSON.parse(seen.location) } } : {}),
    after: { revision: row.revision, location: JSON.parse(row.location) },
  });
  write.afterCommit(() => deps.changed(row));
  return toApp(row);
}

/** An address given beside the spec is held to the same rules as one inside it. */
function checkLocation(location: SourceLocation): void {
  if (location.kind !== "git") return;
  const wrongUrl = checkRepositoryUrl(location.url);
  if (wrongUrl) throw repositoryRefused("url", wrongUrl);
  const wrongBranch = checkBranch(location.branch);
  if (wrongBranch) throw repositoryRefused("branch", wrongBranch);
}
