import fc from "fast-check";
import { newId, type AppName, type InstanceId, type NodeId, type ProcessName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { describe, expect, it } from "vitest";
import { planChanges } from "./plan.ts";
import type { Instance, InstanceState } from "./workload.ts";

const workspace = newId("WorkspaceId") as WorkspaceId;
const release = newId("ReleaseId") as ReleaseId;
const app = "shop" as AppName;
const anInstance = (change: Partial<Instance> = {}): Instance => ({
  id: newId("InstanceId") as InstanceId,
  workspace,
  app,
  release,
  process: "web" as ProcessName,
  index: 0,
  node: newId("NodeId") as NodeId,
  state: "running",
  startedAt: 1,
  restarts: 0,
  handle: "pid 1",
  ...change,
});
const planned = (counts: Record<string, number>) => ({
  workspace,
  app,
  release,
  groups: Object.entries(counts).map(([process, count]) => ({ process: process as ProcessName, count })),
});

describe("planning", () => {
  it("leaves other releases, apps, workspaces and orphans alone", () => {
    const others = [
      anInstance({ release: newId("ReleaseId") as ReleaseId }),
      anInstance({ app: "other" as AppName }),
      anInstance({ workspace: newId("WorkspaceId") as WorkspaceId }),
      anInstance({ isOrphan: true }),
    ];
    expect(planChanges(planned({ web: 1 }), others)).toEqual([{ kind: "start", process: "web", index: 0 }]);
  });

  it("stops what has no place: too many, a process that is gone, two in one place", () => {
    const [kept, twin, third, gone] = [anInstance(), anInstance(), anInstance({ index: 2 }), anInstance({ process: "old" as ProcessName })];
    expect(planChanges(planned({ web: 1 }), [kept, twin, third, gone])).toEqual([
      { kind: "keep", instance: kept.id },
      { kind: "stop", instance: twin.id },
      { kind: "stop", instance: third.id },
      { kind: "stop", instance: gone.id },
    ]);
  });

  it("is at rest once its changes are made", () => {
    const states = fc.constantFrom<InstanceState>("starting", "running", "stopping", "exited", "lost");
    const instances = fc.array(fc.record({ process: fc.constantFrom("web", "jobs", "old"), index: fc.nat({ max: 4 }), state: states }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(instances, fc.nat({ max: 4 }), fc.nat({ max: 4 }), (found, web, jobs) => {
        const running = found.map(({ process, ...rest }) => anInstance({ ...rest, process: process as ProcessName }));
        const wanted = planned({ web, jobs });
        const changes = planChanges(wanted, running);
        const stopped = new Set(changes.flatMap((change) => (change.kind === "stop" ? [change.instance] : [])));
        const started = changes.flatMap((change) =>
          change.kind === "start" ? [anInstance({ process: change.process, index: change.index })] : [],
        );
        const after = [...running.filter(({ id }) => !stopped.has(id)), ...started];
        expect(after).toHaveLength(web + jobs);
        expect(planChanges(wanted, after).every(({ kind }) => kind === "keep")).toBe(true);
      }),
    );
  });
});
