import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("it holds every store to the same titles", { timeout: 60_000 }, async () => {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const vitest = here("../../node_modules/vitest/vitest.mjs");
  // The titles as vitest itself collects them, in a process of its own.
  const list = async (file: string): Promise<string[]> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [vitest, "list", "--json", "--no-static-parse", `kernel/ledger/${file}`],
      { cwd: here("../.."), maxBuffer: 10_000_000 },
    );
    const tests = JSON.parse(stdout.slice(stdout.indexOf("["))) as { name: string }[];
    return tests.map(({ name }) => name.slice(name.indexOf(" > ") + 3)).toSorted();
  };
  const [postgres, d1] = [await list("ledger.postgres.test.ts"), await list("ledger.d1.test.ts")];
  expect(postgres.length).toBeGreaterThan(35);
  expect(d1).toEqual(postgres);
});
