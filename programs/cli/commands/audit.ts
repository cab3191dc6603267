import type { Command } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { table } from "../terminal.ts";
import { ago, plural } from "../words.ts";

export const audit: Command = {
  group: "What happened",
  words: ["audit"],
  about: "who did what to what",
  options: [
    { name: "action", value: "ACTION", about: "only this action: apps.deploy" },
    { name: "actor", value: "ID", about: "only this actor" },
    { name: "limit", short: "l", value: "N", about: "how many (30)" },
    { name: "verify", about: "check the chain instead" },
  ],
  exits: "with --verify: 0 the chain holds, 1 it is broken",
  async run(given, session) {
    const { terminal } = session;
    if (given.isSet("verify")) {
      const result = await session.api("GET /api/audit/verify", {});
      if (!session.json(result))
        terminal.line(
          result.ok
            ? `${terminal.paint("ok", "✓")} ${plural(result.checked, "row")} chained, ${result.unsealed} not yet; head ${result.head.hash.slice(0, 16)}`
            : `${terminal.paint("failed", "✕")} the chain is broken at row ${result.firstBroken?.seq ?? "?"}: ${result.firstBroken?.reason ?? "unknown"}`,
        );
      return result.ok ? exitCodes.done : exitCodes.failed;
    }
    const action = given.option("action");
    const actor = given.option("actor");
    const rows = await session.api("GET /api/audit", {
      query: { limit: given.number("limit") ?? 30, ...(action ? { action } : {}), ...(actor ? { actor } : {}) },
    });
    if (session.json(rows)) return;
    const now = Date.now();
    for (const line of table(
      ["WHEN", "WHO", "WHAT", "OF"],
      rows.map((row) => [ago(row.at, now), row.actor.label, row.action, row.subject]),
    ))
      terminal.line(line);
    return;
  },
};
