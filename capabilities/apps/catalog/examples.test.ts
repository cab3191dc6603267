import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { engineOf, parseInfraspec } from "./infraspec/index.ts";

const folder = fileURLToPath(new URL("../../../examples/", import.meta.url));
const examples = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

describe("the examples", () => {
  it("are all there", () => {
    expect(examples.toSorted()).toEqual(["01-hello", "02-real-server", "03-docker", "04-broken-release", "05-two-processes"]);
  });

  it.each(examples)("have an infraspec without a finding, and a README: %s", async (name) => {
    const { spec, findings } = parseInfraspec(await readFile(`${folder}${name}/infraspec.yaml`, "utf8"));
    expect(findings).toEqual([]);
    expect(engineOf(spec!)).toBe(name === "03-docker" ? "docker" : "process");
    expect(await readFile(`${folder}${name}/README.md`, "utf8")).toContain("norns deploy");
  });

  it("have names of their own", async () => {
    const names = await Promise.all(
      examples.map(async (name) => parseInfraspec(await readFile(`${folder}${name}/infraspec.yaml`, "utf8")).name),
    );
    expect(new Set(names).size).toBe(examples.length);
  });
});
