import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, it, onTestFinished } from "vitest";
import { password } from "./fixtures.ts";

/** The whole wing behind the pipeline of the kernel, as a Worker. */
const worker = `
import { createIdentity, identityMigrations, identityRoutes } from "@norns/capabilities/identity";
import { openD1 } from "@norns/adapters/stores/d1";
import { systemClock } from "@norns/kernel/clock";
import { migrate } from "@norns/kernel/database";
import { createEvents, kernelMigrations } from "@norns/kernel/events";
import { createControlPlaneHosts, createRateLimiter, httpMigrations, newRouter, requestPipeline } from "@norns/kernel/http";
import { systemIdSource } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";

let served;
async function serve(env) {
  const store = openD1(env.DB);
  await migrate(store, [kernelMigrations, httpMigrations, ...identityMigrations]);
  const limiter = createRateLimiter({ store, clock: systemClock });
  const identity = createIdentity({
    store, events: createEvents({ store }), limiter, outboundFetch: fetch, clock: systemClock, ids: systemIdSource, log: silentLog,
    config: { open: false, openSignUp: false, bindAddress: "0.0.0.0", publicUrl: () => "https://norns.example.com", secret: env.SECRET, actorCacheMs: 10_000 },
  });
  await identity.prepare();
  const router = newRouter();
  router.use("*", requestPipeline({
    log: silentLog, clock: systemClock, hosts: createControlPlaneHosts({ publicUrl: new URL("https://norns.example.com"), bindAddress: "0.0.0.0" }),
    allowedOrigins: [], trustedProxies: [], socketAddressOf: () => "203.0.113.7",
    resolveActor: (request, peer) => identity.accounts.resolveActor(request, peer),
    resolveWorkspace: (actor, named) => identity.workspaces.resolveNamed(named, actor),
    limiter, limits: { requests: { name: "requests", perMinute: 1000 }, badCredentials: { name: "bad", perMinute: 100 } },
  }));
  identityRoutes(router, identity);
  return { router, identity };
}
export default {
  async fetch(request, env) {
    const { router, identity } = await (served ??= serve(env));
    if (new URL(request.url).pathname === "/test/claim-link") return new Response(await identity.accounts.claimLink());
    return router.fetch(request, env);
  },
};
`;

it("it bundles for Workers and claims, signs in and answers there", async () => {
  const { outputFiles } = await build({
    stdin: { contents: worker, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    external: ["node:crypto", "node:async_hooks", "node:buffer"],
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-01-01",
    compatibilityFlags: ["nodejs_compat"],
    d1Databases: ["DB"],
    bindings: { SECRET: "a secret of this test, at least 32 characters" },
  });
  onTestFinished(() => miniflare.dispose());
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await miniflare.dispatchFetch(`https://norns.example.com${path}`, {
      method,
      headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, text, cookie: response.headers.get("set-cookie") };
  };

  const page = await ask("GET", "/sign-in");
  expect(page.status, page.text).toBe(200);
  const link = await ask("GET", "/test/claim-link");
  const token = new URL(link.text).hash.slice(1);
  const claimed = await ask("POST", "/api/auth/claim", { token, email: "owner@example.com", password });
  expect(claimed.status, claimed.text).toBe(201);
  // Over https the cookie is bound to the host and secure.
  expect(claimed.cookie).toMatch(/^__Host-norns=[A-Za-z0-9]{32}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/);
  const signedIn = await ask("POST", "/api/auth/login", { email: "owner@example.com", password });
  expect(signedIn.status, signedIn.text).toBe(200);
  const me = await ask("GET", "/api/auth/me", undefined, { cookie: signedIn.cookie!.split(";")[0]! });
  expect(me.status, me.text).toBe(200);
  expect(JSON.parse(me.text)).toMatchObject({ email: "owner@example.com", role: "admin" });
}, 60_000);
