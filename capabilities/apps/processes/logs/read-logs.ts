import type { LogGap, LogLine } from "@norns/adapters/engines";
import type { AppName, WorkspaceId } from "@norns/kernel/ids";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import { shortId } from "@norns/capabilities/apps/wire";
import type { CurrentRelease } from "../desired/current-release.ts";
import { noSuchInstance } from "../errors.ts";
import type { LogFilter, Processes } from "../processes.ts";

export interface LogDeps {
  readonly catalog: Catalog;
  readonly engineOf: Processes["engineOf"];
  currentOf(workspace: WorkspaceId, app: AppName): CurrentRelease | undefined;
}

/** The lines of the engine that runs the app now; an app that changed its engine has its older lines with the other. */
export async function readLogs(
  deps: LogDeps,
  workspace: WorkspaceId,
  name: string,
  filter: LogFilter,
): Promise<AsyncIterable<LogLine | LogGap>> {
  const app = await deps.catalog.getApp(workspace, name);
  const engine = deps.engineOf(deps.currentOf(workspace, app.name)?.engine ?? app.engine);
  const { process, instance, tail, since, cursors, follow, signal } = filter;
  return engine.logs({
    workspace,
    app: app.name,
    ...(process === undefined ? {} : { process }),
    ...(instance === undefined ? {} : { instance: await fullId(instance) }),
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(cursors === undefined ? {} : { cursors }),
    follow,
    signal,
  });

  /** Only instances of this very app are ever found, whatever id is asked for. */
  async function fullId(wanted: string) {
    const instances = (await engine.observe({ workspace, app: app.name })).filter((candidate) => candidate.app === app.name);
    const found = instances.find(({ id }) => id === wanted || shortId(id) === wanted);
    if (!found) throw noSuchInstance(app.name, wanted);
    return found.id;
  }
}
