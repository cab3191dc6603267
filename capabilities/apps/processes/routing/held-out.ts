/** Instances kept out of routing for a moment, by this server process: about to be restarted or stopped. */
import type { InstanceId } from "@norns/kernel/ids";

export class HeldOut {
  readonly #ids = new Set<InstanceId>();
  #onChange = () => {};

  /** `callback` sets the routes again; it has done so when it returns. */
  onChange(callback: () => void): void {
    this.#onChange = callback;
  }

  has(id: InstanceId): boolean {
    return this.#ids.has(id);
  }

  add(ids: readonly InstanceId[]): void {
    for (const id of ids) this.#ids.add(id);
    if (ids.length > 0) this.#onChange();
  }

  letIn(ids: readonly InstanceId[]): void {
    for (const id of ids) this.#ids.delete(id);
    if (ids.length > 0) this.#onChange();
  }

  /** Ids that no instance has any more need not be remembered. */
  keepOnly(existing: ReadonlySet<InstanceId>): void {
    for (const id of this.#ids) if (!existing.has(id)) this.#ids.delete(id);
  }
}
