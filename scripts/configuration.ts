/** Writes docs/configuration.md; `--check` only compares, and fails on a difference. */
import { readFile, writeFile } from "node:fs/promises";
import { documentConfiguration } from "@norns/kernel/config";

const file = new URL("../docs/configuration.md", import.meta.url);
const wanted = documentConfiguration();
if (process.argv.includes("--check")) {
  const found = await readFile(file, "utf8").catch(() => "");
  if (found !== wanted) {
    console.error("docs/configuration.md is not what kernel/config/variables.ts says. Run: node scripts/run.mjs scripts/configuration.ts");
    process.exitCode = 1;
  }
} else await writeFile(file, wanted);
