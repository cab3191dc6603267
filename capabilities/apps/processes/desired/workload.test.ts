import { describe, expect, it } from "vitest";
import { aRelease } from "../fixtures.ts";
import { toWorkload } from "./workload.ts";

const text = `
name: shop
env: { MODE: production, SHARED: app }
volumes:
  - { name: data, mount: /data }
processes:
  web: { command: node web.js, port: 8080, health: { path: /up, interval: 3s, timeout: 1s }, env: { SHARED: web }, scaling: { min: 2 } }
  jobs: { command: node jobs.js, drain: { signal: SIGINT, timeout: 30s }, resources: { cpu: 200, memory: 256 } }
  nightly: { command: node nightly.js, schedule: "0 3 * * *" }
`;

describe("toWorkload", () => {
  it("makes a group of each service and worker, and none of cron processes", () => {
    const release = aRelease({ specText: text });
    expect(toWorkload(release, { jobs: 3 })).toEqual({
      workspace: release.workspace,
      app: "shop",
      release: release.release,
      artifact: { kind: "directory", path: "/artifacts/hello" },
      update: "recreate",
      groups: [
        {
          process: "web",
          kind: "service",
          count: 2,
          command: "node web.js",
          port: 8080,
          env: {
            NORNS_RELEASE_NUMBER: "4",
            NORNS_COMMIT: release.commit,
            MODE: "production",
            SHARED: "web",
          },
          health: { path: "/up", intervalMs: 3_000, timeoutMs: 1_000, deadlineMs: 60_000 },
          resources: { cpuMhz: 100, memoryMb: 128 },
          drain: { signal: "SIGTERM", timeoutMs: expect.any(Number) },
          volumes: [{ name: "data", mount: "/data", readOnly: false, shared: false }],
        },
        {
          process: "jobs",
          kind: "worker",
          count: 3,
          command: "node jobs.js",
          env: { NORNS_RELEASE_NUMBER: "4", NORNS_COMMIT: release.commit, MODE: "production", SHARED: "app" },
          health: { intervalMs: 10_000, timeoutMs: 5_000, deadlineMs: 60_000 },
          resources: { cpuMhz: 200, memoryMb: 256 },
          drain: { signal: "SIGINT", timeoutMs: 30_000 },
          volumes: [{ name: "data", mount: "/data", readOnly: false, shared: false }],
        },
      ],
    });
  });

  it("is equal for two calls with the same release", () => {
    const release = aRelease({ specText: text });
    expect(toWorkload(release, {})).toEqual(toWorkload({ ...release }, {}));
  });

  it("keeps a process that was scaled to nought at nought", () => {
    expect(toWorkload(aRelease(), { web: 0 }).groups.map(({ process, count }) => [process, count])).toEqual([["web", 0]]);
  });

  it("updates side by side when volumes are shared or only read", () => {
    const release = aRelease({
      specText:
        "name: hello\nvolumes: [{ name: a, mount: /a, readOnly: true }, { name: b, mount: /b, shared: true }]\nprocesses:\n  web: { command: x, port: 1000 }\n",
    });
    expect(toWorkload(release, {}).update).toBe("rolling");
  });
});
