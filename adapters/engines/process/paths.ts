/** Where the process engine keeps things under NORNS_HOME. */
import { join } from "node:path";
import type { AppName, ReleaseId } from "@norns/kernel/ids";

export interface Paths {
  readonly run: string;
  readonly records: string;
  readonly socket: string;
  readonly uids: string;
  release(app: AppName, release: ReleaseId): string;
  releases(app?: AppName): string;
  volumes(app?: AppName): string;
  /** HOME of the app's instances and one-off commands, and of its builds. */
  homes(app?: AppName): string;
}

export function pathsUnder(home: string): Paths {
  const run = join(home, "run");
  return {
    run,
    records: join(run, "instances"),
    socket: join(run, "supervisor.sock"),
    uids: join(home, "uids"),
    release: (app, release) => join(home, "releases", app, release),
    releases: (app) => join(home, "releases", app ?? ""),
    volumes: (app) => join(home, "volumes", app ?? ""),
    homes: (app) => join(home, "homes", app ?? ""),
  };
}
