import { aDatabase } from "@norns/adapters/stores/testing";
import { createGraphileTransport } from "@norns/adapters/transports/postgres";
import { kernelMigrations } from "../events/index.ts";
import { silentLog } from "../log/index.ts";
import { describeLedger } from "./conformance.ts";
import { ledgerMigrations } from "./migrations/index.ts";

describeLedger("PostgreSQL", async () => {
  const db = await aDatabase([kernelMigrations, ledgerMigrations], { poolSize: 8 });
  const transport = createGraphileTransport({ pool: db.store.pool, url: db.url, log: silentLog, pollMs: 200 });
  await transport.install();
  return { store: db.store, transport, many: 500, close: () => db.close() };
});
