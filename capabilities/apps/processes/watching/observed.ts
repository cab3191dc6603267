/** What runs, as the engines last said, by app. An engine that does not answer leaves what it said before. */
import type { Engine, Instance } from "@norns/adapters/engines";
import type { EngineName } from "@norns/capabilities/apps/catalog";
import { NornsError } from "@norns/kernel/errors";
import type { AppName, InstanceId } from "@norns/kernel/ids";
import type { Engines } from "../processes.ts";

const none: readonly Instance[] = [];

export class Observed {
  readonly #byEngine = new Map<EngineName, readonly Instance[]>();
  readonly #silent = new Map<EngineName, string>();
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

  /** True while the engine did not answer when it was last asked: what is known of it may be old. */
  isSilent(engine: EngineName): boolean {
    return this.#silent.has(engine);
  }

  /** Whether the engine was last seen to have instances of the app. */
  isOn(engine: EngineName, app: AppName): boolean {
    return this.#byEngine.get(engine)?.some((instance) => instance.app === app) ?? false;
  }

  /**
   * Asks every engine. `hasChanged`: anything that is shown or routed differs. `fellSilent`, `spokeAgain`: engines whose
   * answering has changed, with the reason. A daemon that is away is no error here; anything else that is thrown is.
   */
  async refresh(engines: Engines): Promise<{ hasChanged: boolean; fellSilent: string[]; spokeAgain: EngineName[] }> {
    const news = { fellSilent: [] as string[], spokeAgain: [] as EngineName[] };
    await Promise.all(
      entriesOf(engines).map(async ([name, engine]) => {
        try {
          this.#byEngine.set(name, await engine.observe());
          if (this.#silent.delete(name)) news.spokeAgain.push(name);
        } catch (error) {
          if (!(error instanceof NornsError) || error.kind !== "unavailable") throw error;
          if (!this.#silent.has(name)) news.fellSilent.push(`${name}: ${error.message}`);
          this.#silent.set(name, error.message);
        }
      }),
    );
    const instances = [...this.#byEngine.values()].flat();
    const fingerprint = JSON.stringify(instances);
    const hasChanged = fingerprint !== this.#fingerprint;
    if (hasChanged) {
      this.#fingerprint = fingerprint;
      this.#byApp = Map.groupBy(instances, (instance) => instance.app);
    }
    return { hasChanged, ...news };
  }
}

/** The cast restores what `Object.entries` forgets of the keys. */
export const entriesOf = (engines: Engines): [EngineName, Engine][] => Object.entries(engines) as [EngineName, Engine][];
