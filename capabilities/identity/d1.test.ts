import { Miniflare } from "miniflare";
import { openD1, type D1Binding } from "@norns/adapters/stores/d1";
import { migrate } from "@norns/kernel/database";
import { describeIdentity } from "./conformance.ts";
import { allIdentityMigrations } from "./fixtures.ts";

describeIdentity("D1", async () => {
  const miniflare = new Miniflare({ modules: true, script: "export default { fetch: () => new Response() }", d1Databases: ["DB"] });
  // miniflare's binding is a proxy with the same methods as the real one.
  const store = openD1((await miniflare.getD1Database("DB")) as unknown as D1Binding);
  await migrate(store, allIdentityMigrations);
  return { store, close: () => miniflare.dispose() };
});
