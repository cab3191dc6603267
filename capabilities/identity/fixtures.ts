/** An identity wing on a database, behind a router as the server builds it, and people to try it with. */
import { systemClock, type Clock } from "@norns/kernel/clock";
import type { RoomMigrations, Store } from "@norns/kernel/database";
import { createEvents, kernelMigrations } from "@norns/kernel/events";
import {
  createControlPlaneHosts,
  createRateLimiter,
  httpMigrations,
  newRouter,
  requestPipeline,
  type RateLimiter,
  type Router,
} from "@norns/kernel/http";
import { systemIdSource } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { createIdentity, identityMigrations, identityRoutes, type Identity, type IdentityConfig } from "./index.ts";

export const allIdentityMigrations: readonly RoomMigrations[] = [kernelMigrations, httpMigrations, ...identityMigrations];

export const origin = "http://127.0.0.1:8800";
export const password = "correct horse battery";

/** Lets everything through: for tests that are not about limits. */
export const noLimits: RateLimiter = { take: async () => {} };

export interface Try {
  readonly status: number;
  // A test reads what it expects to be there; a wrong shape fails its expectations.
  // oxlint-disable-next-line no-explicit-any
  readonly body: any;
  readonly headers: Headers;
  readonly cookie: string | undefined;
}

export interface Call {
  readonly token?: string | undefined;
  readonly cookie?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly remoteAddress?: string;
}

export interface Wing {
  readonly identity: Identity;
  readonly router: Router;
  readonly store: Store;
  request(method: string, path: string, body?: unknown, call?: Call): Promise<Try>;
  close(): Promise<void>;
}

export interface WingOptions {
  readonly config?: Partial<IdentityConfig>;
  readonly clock?: Clock;
  readonly limiter?: RateLimiter | "real";
  readonly outboundFetch?: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
  readonly holdings?: () => Promise<readonly string[]>;
}

export async function aWing(
  store: Store,
  { config, clock = systemClock, limiter = noLimits, outboundFetch, holdings }: WingOptions = {},
): Promise<Wing> {
  const limits = limiter === "real" ? createRateLimiter({ store, clock }) : limiter;
  const identity = createIdentity({
    store,
    events: createEvents({ store, clock }),
    limiter: limits,
    outboundFetch: outboundFetch ?? (() => Promise.reject(new Error("no network in this test"))),
    clock,
    ids: systemIdSource,
    log: silentLog,
    ...(holdings ? { holdings } : {}),
    config: {
      open: false,
      apiToken: undefined,
      cfAccess: undefined,
      openSignUp: false,
      bindAddress: "127.0.0.1",
      publicUrl: () => origin,
      secret: "a secret of this test, at least 32 characters",
      ...config,
    },
  });
  await identity.prepare();
  const router = newRouter();
  let remoteAddress = "127.0.0.1";
  router.use(
    "*",
    requestPipeline({
      log: silentLog,
      clock,
      hosts: createControlPlaneHosts({ publicUrl: undefined, bindAddress: "127.0.0.1" }),
      allowedOrigins: [],
      trustedProxies: [],
      socketAddressOf: () => remoteAddress,
      resolveActor: (request, peer) => identity.accounts.resolveActor(request, peer),
      resolveWorkspace: async (actor, named) => await identity.workspaces.resolveNamed(named, actor),
      limiter: limits,
      limits: { requests: { name: "requests", perMinute: 100_000 }, badCredentials: { name: "bad", perMinute: 100_000 } },
    }),
  );
  identityRoutes(router, identity);
  return {
    identity,
    router,
    store,
    async request(method, path, body, call = {}) {
      remoteAddress = call.remoteAddress ?? "127.0.0.1";
      const headers: Record<string, string> = {
        host: "127.0.0.1:8800",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(call.token ? { authorization: `Bearer ${call.token}` } : {}),
        ...(call.cookie ? { cookie: call.cookie, origin } : {}),
        ...call.headers,
      };
      const response = await router.request(`${origin}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json");
      return {
        status: response.status,
        body: isJson && text ? JSON.parse(text) : text,
        headers: response.headers,
        cookie: response.headers.getSetCookie()[0]?.split(";")[0],
      };
    },
    close: () => identity.close(),
  };
}

export const claimToken = (link: string | null): string => new URL(link!).hash.slice(1);

/** Claims the installation. Returns the owner's token. */
export async function claimed(wing: Wing, email = "owner@example.com"): Promise<{ token: string; userId: string }> {
  const answer = await wing.request("POST", "/api/auth/claim", {
    token: claimToken(await wing.identity.accounts.claimLink()),
    email,
    password,
    name: "Owner",
  });
  if (answer.status !== 201) throw new Error(`The claim failed: ${JSON.stringify(answer.body)}`);
  return { token: answer.body.token, userId: answer.body.user.id };
}

/** Invites and signs up somebody. */
export async function aMember(
  wing: Wing,
  by: string,
  workspace: string,
  email: string,
  role: "viewer" | "editor" | "admin",
): Promise<{ token: string; userId: string }> {
  const invited = await wing.request("POST", `/api/workspaces/${workspace}/invitations`, { email, role }, { token: by });
  if (invited.status !== 201) throw new Error(`The invitation failed: ${JSON.stringify(invited.body)}`);
  const answer = await wing.request("POST", "/api/auth/signup", { email, password, invitation: invited.body.token });
  if (answer.status !== 201) throw new Error(`The sign-up failed: ${JSON.stringify(answer.body)}`);
  return { token: answer.body.token, userId: answer.body.user.id };
}
