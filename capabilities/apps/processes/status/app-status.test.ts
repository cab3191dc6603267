import { describe, expect, it } from "vitest";
import { newId } from "@norns/kernel/ids";
import type { App } from "@norns/capabilities/apps/catalog";
import { appStatusSchema } from "../contract.ts";
import { aRelease, anInstance } from "../fixtures.ts";
import type { Health } from "../health/health.ts";
import { toAppStatus } from "./app-status.ts";

const release = aRelease();
const app: App = {
  name: release.app,
  workspace: release.workspace,
  location: { kind: "directory", path: "/apps/hello" },
  engine: "process",
  spec: release.spec,
  specText: "",
  findings: [],
  notes: [],
  isValid: true,
  isAbsent: false,
  registeredBy: "scan",
  revision: "1",
  createdAt: 0,
  updatedAt: 0,
};
const seen = (instances: ReturnType<typeof anInstance>[], healthOf: (id: string) => Health = () => ({ isHealthy: true })) => ({
  instances,
  healthOf,
  nodeName: "here",
});

describe("toAppStatus", () => {
  it("has the documented shape, with arrays where nothing runs", () => {
    const status = toAppStatus(app, undefined, {}, seen([]));
    expect(appStatusSchema.parse(status)).toEqual(status);
    expect(status).toMatchObject({ nomadStatus: "", healthy: false, allocations: [], isDeployed: false });
  });

  it("is healthy only when every wanted instance of the current release is", () => {
    const [one, two] = [anInstance(release), anInstance(release, { index: 1 })];
    expect(toAppStatus(app, release, { web: 2 }, seen([one, two])).healthy).toBe(true);
    expect(toAppStatus(app, release, { web: 2 }, seen([one])).healthy).toBe(false);
    expect(
      toAppStatus(
        app,
        release,
        { web: 2 },
        seen([one, two], (id) => ({ isHealthy: id === one.id })),
      ).healthy,
    ).toBe(false);
    expect(toAppStatus(app, release, {}, seen([anInstance({ release: newId("ReleaseId") })])).healthy).toBe(false);
  });

  it("counts an app that wants no instance as healthy once it is deployed", () => {
    const nightly = aRelease({ specText: "name: hello\nprocesses:\n  nightly: { command: a, schedule: '0 3 * * *' }\n" });
    expect(toAppStatus(app, nightly, {}, seen([]))).toMatchObject({ healthy: true, nomadStatus: "running", desired: {} });
  });

  it("shows an instance under the seed's names, with the evidence of its end", () => {
    const exited = anInstance(release, { state: "exited", exit: { code: 3, signal: null, at: 5_000 } });
    const status = toAppStatus(app, release, {}, seen([exited]));
    expect(status).toMatchObject({
      nomadStatus: "dead",
      healthy: false,
      allocationSummary: { running: 0, active: 0, retained: 1, total: 1, byStatus: { failed: 1 } },
    });
    expect(status.allocations[0]).toMatchObject({
      id: exited.id.slice(-8),
      taskGroup: "web",
      status: "failed",
      lifecycle: "retained",
      exit: { code: 3 },
      isCurrent: true,
    });
  });

  it("does not let values of secret-like variables out", () => {
    const secret = aRelease({
      specText: "name: hello\nenv: { API_KEY: hunter2hunter2, MODE: fast }\nprocesses:\n  web: { command: a, port: 1 }\n",
    });
    const text = JSON.stringify(toAppStatus({ ...app, spec: secret.spec }, secret, {}, seen([])));
    expect(text).not.toContain("hunter2");
    expect(text).toContain("fast");
  });
});
