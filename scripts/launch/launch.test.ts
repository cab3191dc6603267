/** What a first start stands on: a lock file that `npm ci` accepts, and a launcher that runs a program as it is. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface LockEntry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where Node would find `name` from `path`: its own node_modules first, then each above it. */
function* places(path: string, name: string): Generator<string> {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    yield `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (!at.includes("node_modules/")) return;
  }
}

describe("package-lock.json", () => {
  it("names every platform's package that a package of ours may want, so that npm ci accepts it", async () => {
    const { packages } = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, LockEntry> };
    const missing = Object.entries(packages)
      .filter(([path]) => path.includes("node_modules/"))
      .flatMap(([path, { optionalDependencies = {} }]) =>
        Object.entries(optionalDependencies)
          .filter(([name, version]) => {
            const found = [...places(path, name)].map((place) => packages[place]).find((entry) => entry !== undefined);
            return !found || (/^\d/.test(version) && found.version !== version);
          })
          .map(([name, version]) => `${path} → ${name}@${version}`),
      );
    expect(missing).toEqual([]);
  });
});

describe("scripts/run.mjs", () => {
  it("runs a TypeScript file with its arguments, input and exit code", async () => {
    const directory = await mkdtemp(join(tmpdir(), "norns-launch-"));
    try {
      const file = join(directory, "program.ts");
      await writeFile(
        file,
        `const words: string[] = process.argv.slice(2);\nconsole.log(words.join("+"), Number(process.versions.node.split(".")[0]) >= 24);\nprocess.exitCode = 7;\n`,
      );
      const { status, stdout } = spawnSync(process.execPath, [join(root, "scripts", "run.mjs"), file, "a b", "c"], { encoding: "utf8" });
      expect([status, stdout]).toEqual([7, "a b+c true\n"]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it("says how it is used when it is given nothing", () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts", "run.mjs")], { encoding: "utf8" });
    expect([status, stderr]).toEqual([2, "norns: usage: node scripts/run.mjs FILE [arguments]\n"]);
  });
});
