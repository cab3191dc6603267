import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, onTestFinished, test } from "vitest";

/** Everything of this wing that Workers use, in one Worker: it answers only if the bundle runs there. */
const worker = `
import { migrate, requireOne, Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject } from "@norns/kernel/events";
import { createLog, createMask } from "@norns/kernel/log";
import { createVault, ensureVaultKey, newEncryptionKey, parseEncryptionKey, vaultMigrations } from "@norns/kernel/vault";
import { openD1 } from "@norns/adapters/stores/d1";

export default {
  async fetch(request, env) {
    const store = openD1(env.DB);
    await migrate(store, [kernelMigrations, vaultMigrations]);
    const lines = [];
    const key = newEncryptionKey();
    const log = createLog({ level: "info", format: "json", mask: createMask([key]), write: (line) => lines.push(line) });
    log.info({ note: key }, "made a key");
    const vault = createVault({ key: parseEncryptionKey(key) });
    await ensureVaultKey(store, vault);
    const events = createEvents({ store });
    const stop = new AbortController();
    const following = events.follow({ signal: stop.signal })[Symbol.asyncIterator]();
    const write = new Write();
    events.append(write, { workspace: "ws_a", subject: subject("app", "x"), category: "c", action: "a", message: "hello", actor: "t" });
    await write.commit(store);
    const { value } = await following.next();
    stop.abort();
    return Response.json({ opened: vault.open(vault.seal("secret", "c"), "c"), seq: value.seq, lines });
  },
};
`;

test("it bundles for Workers and works there: store, migrations, events, vault, log", async () => {
  const { outputFiles } = await build({
    stdin: { contents: worker, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    external: ["node:*"],
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-01-01",
    compatibilityFlags: ["nodejs_compat"],
    d1Databases: ["DB"],
  });
  onTestFinished(() => miniflare.dispose());
  const response = await miniflare.dispatchFetch("http://worker/");
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ opened: "secret", seq: 1, lines: [expect.stringContaining("[masked]")] });
}, 60_000);
