import { expect, it } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { listRoutes } from "@norns/kernel/http";
import { allIdentityMigrations, aWing, origin } from "./fixtures.ts";
import { aCast, identityRecipes, snapshotOf, tryEveryRoute } from "./truth/index.ts";

it("[A1] [A2] [A4] [A5] lets the right one in on every identity route and refuses everybody else exactly, changing nothing", async () => {
  await using db = await aDatabase(allIdentityMigrations);
  const wing = await aWing(db.store);
  try {
    const doors = { ...wing.identity, store: db.store };
    const cast = await aCast(doors);
    const verdict = await tryEveryRoute({
      routes: listRoutes(wing.router),
      cast,
      origin,
      fetch: async (path, { headers, ...init }) =>
        await wing.router.request(`${origin}${path}`, { ...init, headers: { host: new URL(origin).host, ...headers } }),
      recipes: identityRecipes(doors, cast),
      snapshot: () => snapshotOf(db.store),
    });
    console.log(`${verdict.routes} routes, ${verdict.calls} calls`);
    expect(verdict.failures).toEqual([]);
    expect(verdict.routes).toBeGreaterThan(40);
  } finally {
    await wing.close();
  }
}, 120_000);
