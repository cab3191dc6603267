import { describe, expect, it } from "vitest";
import { newId } from "@norns/kernel/ids";
import type { InstanceId } from "@norns/kernel/ids";
import type { Instance } from "@norns/adapters/engines";
import { aRelease, aSpec, anInstance } from "../fixtures.ts";
import type { Health } from "../health/health.ts";
import type { Scales } from "../processes.ts";
import { hostnamesOf, toRoutes } from "./hostnames.ts";

const text =
  "name: shop\nendpoints: [{ url: https://shop.example.com }]\nprocesses:\n  web: { command: a, port: 1 }\n  admin: { command: b, port: 2 }\n  jobs: { command: c }\n";
const traffic = (
  instances: Instance[],
  healthy: InstanceId[],
  judged: InstanceId[] = instances.map(({ id }) => id),
  heldOut: InstanceId[] = [],
  scales: Scales = {},
) => ({
  scalesOf: () => scales,
  instancesOf: () => instances,
  healthOf: (id: InstanceId): Health => ({
    isHealthy: judged.includes(id) ? healthy.includes(id) : healthy.includes(id) ? true : undefined,
  }),
  isHeldOut: (id: InstanceId) => heldOut.includes(id),
});

describe("hostnamesOf", () => {
  it("gives the app's name and endpoints to its default process, and each service a name of its own", () => {
    expect(hostnamesOf("shop" as never, aSpec(text))).toEqual([
      { hostname: "shop.localhost", process: "web" },
      { hostname: "web.shop.localhost", process: "web" },
      { hostname: "admin.shop.localhost", process: "admin" },
      { hostname: "shop.example.com", process: "web" },
    ]);
  });

  it("gives an app without a service no name", () => {
    expect(hostnamesOf("jobs" as never, aSpec("name: jobs\nprocesses:\n  run: { command: a }\n"))).toEqual([]);
  });
});

describe("toRoutes", () => {
  const release = aRelease();
  const targets = (instances: Instance[], ...rest: [InstanceId[], InstanceId[]?, InstanceId[]?]) =>
    toRoutes([release], traffic(instances, ...rest))
      .find(({ hostname }) => hostname === "hello.localhost")!
      .targets.map(({ instance }) => instance);

  it("routes to healthy instances of the current release only", () => {
    const [one, two, old] = [anInstance(release), anInstance(release, { index: 1 }), anInstance({ release: newId("ReleaseId") })];
    expect(targets([one, two, old], [one.id, old.id])).toEqual([one.id]);
  });

  it("leaves out what is held out", () => {
    const [one, two] = [anInstance(release), anInstance(release, { index: 1 })];
    expect(targets([one, two], [one.id, two.id], undefined, [one.id])).toEqual([two.id]);
  });

  it("lets the old instances serve until one of the new release has been judged", () => {
    const [fresh, old] = [anInstance(release), anInstance({ release: newId("ReleaseId") })];
    expect(targets([fresh, old], [old.id], [old.id])).toEqual([old.id]);
    expect(targets([fresh, old], [old.id], [old.id, fresh.id])).toEqual([]);
    expect(targets([fresh, old], [old.id, fresh.id])).toEqual([fresh.id]);
  });

  it("notes why nobody answers, as far as it can be seen", () => {
    const note = (...[instances, healthy, judged, scales]: [Instance[], InstanceId[], InstanceId[]?, Scales?]) =>
      toRoutes([release], traffic(instances, healthy, judged, [], scales)).find(({ hostname }) => hostname === "hello.localhost")!.note;
    const [one, next] = [anInstance(release), anInstance({ release: newId("ReleaseId") }, { state: "starting" })];
    expect(note([one], [one.id])).toBeUndefined();
    expect(note([one], [])).toBeUndefined();
    expect(note([one], [], [])).toBe("It is starting.");
    expect(note([next], [])).toBe("A deployment is under way.");
    expect(note([], [], [], { web: 0 })).toBe("It is scaled to no instances.");
  });

  it("gives a hostname that two apps claim to the first by name, in whatever order they come", () => {
    const endpoint = "endpoints: [{ url: https://a.example.com }]\n";
    const first = aRelease({ specText: `name: aaa\n${endpoint}processes:\n  web: { command: x, port: 1 }\n` });
    const second = aRelease({ specText: `name: bbb\n${endpoint}processes:\n  web: { command: x, port: 1 }\n` });
    for (const order of [
      [first, second],
      [second, first],
    ])
      expect(toRoutes(order, traffic([], [])).find(({ hostname }) => hostname === "a.example.com")?.app).toBe("aaa");
  });
});
