import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkAttacks } from "./attacks.ts";

let root: string;
// Put together here, so that this file is not itself taken for a test of an attack.
const title = (id: string): string => `it("[${id}] holds", () => {});\n`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "norns-attacks-"));
  execFileSync("git", ["init", "-q"], { cwd: root });
  await mkdir(join(root, "docs"));
  await mkdir(join(root, "kernel"));
  await writeFile(join(root, "kernel/guard.ts"), "");
  await writeFile(join(root, "kernel/guard.test.ts"), title("I1"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const check = async (rows: string, isFix = false): Promise<string[]> => {
  await writeFile(join(root, "docs/attacks.md"), rows);
  return checkAttacks(root, { isFix });
};

it("draws which tests hold a defence, and then agrees", async () => {
  expect(await check("| I1 | a | `kernel/guard.ts` | |\n")).toEqual([expect.stringContaining("--fix")]);
  expect(await check("| I1 | a | `kernel/guard.ts` | |\n", true)).toEqual([]);
  const drawn = await readFile(join(root, "docs/attacks.md"), "utf8");
  expect(drawn).toBe("| I1 | a | `kernel/guard.ts` | `kernel/guard.test.ts` |\n");
  expect(await check(drawn)).toEqual([]);
});

it("refuses a row without a test, unless its part is not built", async () => {
  const first = "| I1 | a | b | `kernel/guard.test.ts` |\n";
  expect(await check(`${first}| I2 | a | b | none |\n`)).toEqual([expect.stringContaining("I2 has no test")]);
  expect(await check(`${first}| I2 | a | Not built: nothing to attack | none |\n`)).toEqual([]);
  expect(await check("| I1 | a | Not built: nothing to attack | none |\n")).toEqual([
    expect.stringContaining("kernel/guard.test.ts tests it"),
  ]);
});

it("refuses a test of an attack that has no row, a row that stands twice, and a defence that is not there", async () => {
  expect(await check("nothing\n")).toEqual([expect.stringContaining("has no row")]);
  const row = "| I1 | a | `kernel/gone.ts` | `kernel/guard.test.ts` |\n";
  expect(await check(row + row)).toEqual(
    expect.arrayContaining([expect.stringContaining("two rows"), expect.stringContaining("kernel/gone.ts")]),
  );
});
