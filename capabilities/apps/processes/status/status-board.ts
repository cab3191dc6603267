/**
 * Every app's status, rendered once a change. A request for the list costs the catalogue's one query and a comparison:
 * nothing is serialised again until an app's spec, release, scale, instances or health have changed.
 */
import type { App } from "@norns/capabilities/apps/catalog";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { AppStatus } from "../contract.ts";
import type { Desired } from "../desired/desired-state.ts";
import type { HealthWatch } from "../health/health-watch.ts";
import type { Observed } from "../watching/observed.ts";
import { toAppStatus } from "./app-status.ts";

export interface BoardDeps {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly health: Pick<HealthWatch, "healthOf">;
  readonly nodeName: string;
}

interface Rendered {
  readonly apps: readonly App[];
  readonly version: number;
  readonly text: string;
}

export class Board {
  readonly #deps: BoardDeps;
  readonly #rendered = new Map<WorkspaceId, Rendered>();
  #version = 0;

  constructor(deps: BoardDeps) {
    this.#deps = deps;
  }

  /** Something that statuses show has changed. */
  changed(): void {
    this.#version++;
  }

  statusOf(app: App): AppStatus {
    const { desired, observed, health, nodeName } = this.#deps;
    return toAppStatus(app, desired.currentOf(app.name), desired.scalesOf(app.name), {
      instances: observed.of(app.name),
      healthOf: (instance) => health.healthOf(instance),
      nodeName,
    });
  }

  textOf(workspace: WorkspaceId, apps: readonly App[]): string {
    const before = this.#rendered.get(workspace);
    if (before?.version === this.#version && isSameList(before.apps, apps)) return before.text;
    const rendered = { apps, version: this.#version, text: JSON.stringify(apps.map((app) => this.statusOf(app))) };
    this.#rendered.set(workspace, rendered);
    return rendered.text;
  }
}

/** The catalogue hands out the same object until the app's row changes. */
const isSameList = (left: readonly App[], right: readonly App[]): boolean =>
  left === right || (left.length === right.length && left.every((app, index) => app === right[index]));
