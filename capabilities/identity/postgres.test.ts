import { aDatabase } from "@norns/adapters/stores/testing";
import { describeIdentity } from "./conformance.ts";
import { allIdentityMigrations } from "./fixtures.ts";

describeIdentity("PostgreSQL", async () => {
  const db = await aDatabase(allIdentityMigrations);
  return { store: db.store, close: () => db.close() };
});
