import { describe, expect, it } from "vitest";
import { exampleInfraspec } from "./document.ts";
import { withLines } from "./fixtures.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import * as fc from "fast-check";
import { parseInfraspec } from "./parse.ts";
import { maskUrl } from "./secret-like.ts";
import { toSpecJson } from "./to-json.ts";

describe("a spec as clients read it", () => {
  it("has the file's own names and units", () => {
    const json = toSpecJson(parseInfraspec(exampleInfraspec()).spec!);
    expect(json).toMatchObject({
      name: "shop",
      repo: { url: "https://github.com/owner/shop.git", branch: "main" },
      processes: {
        web: {
          port: 3000,
          health: { path: "/health", interval: "10s", timeout: "5s", deadline: "1m" },
          scaling: { min: 2, max: 4, perRegion: 1 },
          drain: { signal: "SIGTERM", timeout: "30s" },
          resources: { cpu: 200, memory: 256 },
          canary: { count: 1, evaluateAfter: "2m" },
        },
      },
      endpoints: [{ url: "https://shop.example.com", region: "eu", process: "web" }],
      volumes: [{ name: "data", mount: "/data", readOnly: false, shared: true }],
      infrastructure: { postgres: { database: "shop" } },
    });
  });

  it("[N4] shows no value that looks secret, nor one that is declared a secret", () => {
    const spec = parseInfraspec(
      withLines("secrets: [MINE]\nenv: { API_TOKEN: hunter2, PLAIN: seen, URL: 'https://u:hunter2@h/x', MINE: hunter2 }"),
    ).spec!;
    const json = toSpecJson(spec);
    expect(JSON.stringify(json)).not.toContain("hunter2");
    expect(json.env).toEqual({ API_TOKEN: "********", PLAIN: "seen", URL: "********", MINE: "********" });
    expect(maskUrl("ssh://git@h/r")).toBe("ssh://git@h/r");
    expect(maskUrl("https://ghp_token@h/r")).toBe("https://********@h/r");
  });
});

describe("durations", () => {
  it("are written back as they are read", () => {
    fc.assert(fc.property(fc.nat(100_000_000), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect(["1m30s", "500ms", "1.5h", "0s"].map(parseDuration)).toEqual([90_000, 500, 5_400_000, 0]);
    expect(["", "30", "s", "1d", "-1s", "1 s", "1s1", "9".repeat(40)].map(parseDuration)).toEqual(Array(8).fill(undefined));
  });
});
