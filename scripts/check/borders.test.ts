import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkBorders } from "./borders.ts";

let root: string;

const manifest = (name: string, exports: Record<string, string>) => JSON.stringify({ name, exports });

/** A tree of the project's shape in which the given files stand besides the doors. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  try {
    return await checkBorders(root);
  } finally {
    for (const path of Object.keys(files)) await rm(join(root, path));
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "norns-borders-"));
  execFileSync("git", ["init", "-q"], { cwd: root });
  const doors = {
    kernel: manifest("@norns/kernel", { "./ids": "./ids/index.ts" }),
    adapters: manifest("@norns/adapters", { "./engines": "./engines/index.ts", "./engines/docker": "./engines/docker/index.ts" }),
    capabilities: manifest("@norns/capabilities", { "./apps/catalog": "./apps/catalog/index.ts" }),
    client: manifest("@norns/client", { ".": "./index.ts" }),
    "programs/server": manifest("@norns/server", {}),
    "programs/cli": manifest("@norns/cli", {}),
  };
  for (const [folder, text] of Object.entries(doors)) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, "package.json"), text);
  }
});
afterAll(() => rm(root, { recursive: true }));

describe("the borders", () => {
  it.each([
    ["a layer above", "kernel/a.ts", 'import { x } from "@norns/capabilities/apps/catalog";', /kernel may not import apps/],
    ["a type import", "kernel/a.ts", 'import type { X } from "@norns/adapters/engines";', /kernel may not import adapters/],
    ["a type in an expression", "kernel/a.ts", 'export type Y = import("@norns/adapters/engines").X;', /kernel may not import adapters/],
    ["a dynamic import", "kernel/a.ts", 'await import("@norns/adapters/engines");', /kernel may not import adapters/],
    ["a re-export", "kernel/a.ts", 'export { x } from "@norns/adapters/engines";', /kernel may not import adapters/],
    [
      "a relative detour",
      "capabilities/apps/deployments/a.ts",
      'import { x } from "../../../kernel/ids/index.ts";',
      /use the package's name/,
    ],
    ["another room's inside", "capabilities/apps/deployments/a.ts", 'import { x } from "../catalog/store.ts";', /use its door/],
    [
      "a door that is none",
      "capabilities/apps/deployments/a.ts",
      'import { x } from "@norns/capabilities/apps/catalog/store";',
      /no such door/,
    ],
    [
      "a concrete adapter",
      "capabilities/apps/deployments/a.ts",
      'import { x } from "@norns/adapters/engines/docker";',
      /name a concrete adapter/,
    ],
    [
      "an adapter's neighbour",
      "adapters/engines/docker/a.ts",
      'import { x } from "../process/uids.ts";',
      /may not know the adapter process/,
    ],
    [
      "an adapter, from what all share",
      "adapters/engines/health.ts",
      'import { x } from "./docker/engine.ts";',
      /may not know the adapter docker/,
    ],
    ["another port's inside", "adapters/engines/docker/a.ts", 'import { x } from "../../stores/testing.ts";', /only the port of stores/],
    ["Node, where Workers run it too", "kernel/a.ts", 'import { x } from "node:fs";', /runs on Workers too/],
    ["the server, from the command", "programs/cli/a.ts", 'import { x } from "@norns/kernel/ids";', /cli may not import kernel/],
  ])("it finds %s", async (_, path, text, problem) => {
    const problems = await problemsOf({ [path]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(problems[0]).toContain(`${path}:1`);
  });

  it.each([
    ["a port", "capabilities/apps/deployments/a.ts", 'import type { Engine } from "@norns/adapters/engines";'],
    ["a room's door", "capabilities/apps/deployments/a.ts", 'import { x } from "@norns/capabilities/apps/catalog";'],
    ["a concrete adapter, in a test", "capabilities/apps/deployments/a.test.ts", 'import { x } from "@norns/adapters/engines/docker";'],
    [
      "a concrete adapter, where the server is composed",
      "programs/server/compose/a.ts",
      'import { x } from "@norns/adapters/engines/docker";',
    ],
    ["the journal, which engines share", "adapters/engines/docker/a.ts", 'import { x } from "../journal/index.ts";'],
    ["crypto of Node's on Workers", "kernel/a.ts", 'import { x } from "node:crypto";'],
  ])("it lets %s pass", async (_, path, text) => {
    expect(await problemsOf({ [path]: text })).toEqual([]);
  });
});
