/** Writes openapi.json from the routes, without starting anything; `--check` only compares, and fails on a difference. */
import { readFile, writeFile } from "node:fs/promises";
import { describeApi } from "@norns/kernel/http";
import { describedRouter } from "../programs/server/compose/routes.ts";
import { version } from "../programs/server/version.ts";

const file = new URL("../openapi.json", import.meta.url);
const wanted = `${JSON.stringify(describeApi(describedRouter(), version), null, 2)}\n`;
if (process.argv.includes("--check")) {
  const found = await readFile(file, "utf8").catch(() => "");
  if (found !== wanted) {
    console.error("openapi.json is not what the routes say. Run: node scripts/run.mjs scripts/openapi.ts");
    process.exitCode = 1;
  }
} else await writeFile(file, wanted);
