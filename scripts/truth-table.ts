/** Writes docs/truth-table.md; `--check` only compares, and fails on a difference. */
import { readFile, writeFile } from "node:fs/promises";
import { renderTruthTable } from "@norns/capabilities/identity/truth";
import { listRoutes } from "@norns/kernel/http";
import { describedRouter } from "../programs/server/compose/routes.ts";

const file = new URL("../docs/truth-table.md", import.meta.url);
const wanted = renderTruthTable(listRoutes(describedRouter()));
if (process.argv.includes("--check")) {
  const found = await readFile(file, "utf8").catch(() => "");
  if (found !== wanted) {
    console.error(
      "docs/truth-table.md is not what the routes and capabilities/identity/truth/table.ts say. Run: node scripts/run.mjs scripts/truth-table.ts",
    );
    process.exitCode = 1;
  }
} else await writeFile(file, wanted);
