import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { renderTruthTable } from "@norns/capabilities/identity/truth";
import { listRoutes } from "@norns/kernel/http";
import { describedRouter } from "../programs/server/compose/routes.ts";

it("docs/truth-table.md says what the routes and the table say", async () => {
  const written = await readFile(new URL("../docs/truth-table.md", import.meta.url), "utf8");
  expect(written, "Run: node scripts/run.mjs scripts/truth-table.ts").toBe(renderTruthTable(listRoutes(describedRouter())));
});
