/** What runs, as the engines last said, by app. */
import type { Engine, Instance } from "@norns/adapters/engines";
import type { AppName, InstanceId } from "@norns/kernel/ids";
import type { Engines } from "./processes.ts";

const none: readonly Instance[] = [];

export class Observed {
  #byApp = new Map<AppName, readonly Instance[]>();
  #fingerprint = "";

  of(app: AppName): readonly Instance[] {
    return this.#byApp.get(app) ?? none;
  }

  all(): Instance[] {
    return [...this.#byApp.values()].flat();
  }

  ids(): Set<InstanceId> {
    return new Set(this.all().map(({ id }) => id));
  }

  /** Asks every engine. True when anything that is shown or routed differs. An engine that cannot answer throws. */
  async refresh(engines: Engines): Promise<boolean> {
    const answers = await Promise.all(Object.values(engines).map((engine: Engine) => engine.observe()));
    return this.set(answers.flat());
  }

  set(instances: readonly Instance[]): boolean {
    const fingerprint = JSON.stringify(instances);
    if (fingerprint === this.#fingerprint) return false;
    this.#fingerprint = fingerprint;
    this.#byApp = Map.groupBy(instances, (instance) => instance.app);
    return true;
  }
}
