/** What separates a workload from what runs: the same for every engine. */
import type { Change } from "./port.ts";
import type { Group, Instance, Workload } from "./workload.ts";

/** As much of a workload as planning looks at. */
export type Planned = Pick<Workload, "workspace" | "app" | "release"> & {
  readonly groups: readonly Pick<Group, "process" | "count">[];
};

/**
 * What `apply` would do. Looks at this app and this release alone. An instance that has exited keeps its place (whether
 * it is started again is `keepUp`'s question); one that is stopping or lost leaves its place free. Whether an app is as it
 * should be, over all its releases, is another question: `differenceOf` (capabilities/apps/processes/desired/places.ts).
 */
export function planChanges(workload: Planned, running: readonly Instance[]): readonly Change[] {
  const own = running.filter(
    (one) => one.workspace === workload.workspace && one.app === workload.app && one.release === workload.release && !one.isOrphan,
  );
  const changes: Change[] = [];
  const kept = new Set<Instance>();
  for (const group of workload.groups) {
    for (let index = 0; index < group.count; index++) {
      const found = own.find(
        (one) => one.process === group.process && one.index === index && one.state !== "stopping" && one.state !== "lost",
      );
      if (found) kept.add(found);
      changes.push(found ? { kind: "keep", instance: found.id } : { kind: "start", process: group.process, index });
    }
  }
  for (const one of own) if (!kept.has(one)) changes.push({ kind: "stop", instance: one.id });
  return changes;
}
