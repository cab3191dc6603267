/**
 * Better Auth, set up: sign-in and sessions now, and the place where its plug-ins (two-factor, device flow, OIDC, magic
 * link, JWT) are added. Loaded on first use: a server that nobody signs in to does not carry its 40 MB.
 */
import type { BetterAuthOptions, BetterAuthPlugin } from "better-auth";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import { newId, type IdSource } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Passwords } from "../password.ts";
import { adapterConfig, createStoreAdapter } from "./adapter.ts";
import type { Consequences } from "./consequences.ts";

export const sessionLifeSeconds = 7 * 24 * 3_600;
/** The peer's address, as our server knows it, on its way through Better Auth. Never a header of the client's. */
export const peerHeader = "x-norns-peer";

export interface AuthDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly passwords: Passwords;
  readonly consequences: Consequences;
  /** Signs Better Auth's own tokens. */
  readonly secret: string;
  readonly sessionSecret: string;
  readonly publicUrl: string;
  /** What later rooms add. */
  readonly plugins?: readonly BetterAuthPlugin[];
}

export type Auth = Awaited<ReturnType<typeof loadAuth>>;

export async function loadAuth(deps: AuthDeps) {
  const [{ betterAuth }, { bearer }, { createAdapterFactory }] = await Promise.all([
    import("better-auth/minimal"),
    import("better-auth/plugins/bearer"),
    import("better-auth/adapters"),
  ]);
  const { store, sessionSecret, consequences } = deps;
  return betterAuth({
    ...authOptions(deps),
    database: createAdapterFactory({
      config: adapterConfig,
      adapter: () => createStoreAdapter({ store, sessionSecret, consequences }),
    }),
    plugins: [bearer(), ...(deps.plugins ?? [])],
  });
}

function authOptions({ ids, log, passwords, secret, publicUrl }: AuthDeps) {
  return {
    appName: "Norns",
    baseURL: publicUrl,
    basePath: "/api/auth",
    secret,
    trustedOrigins: [publicUrl],
    telemetry: { enabled: false },
    // Ours hold across replicas; Better Auth's are per process.
    rateLimit: { enabled: false },
    logger: {
      level: "warn",
      // "User not found", "Invalid password": what is refused is answered, and counted by the limits.
      log: (level, message) => (level === "error" ? log.error({}, `Better Auth: ${message}`) : log.debug({}, `Better Auth: ${message}`)),
    },
    emailAndPassword: {
      enabled: true,
      // People are made by `sign-up.ts`, in one write with their membership; never by a path of Better Auth's.
      disableSignUp: true,
      minPasswordLength: 8,
      maxPasswordLength: 128,
      password: passwords,
    },
    user: {
      modelName: "users",
      fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
    },
    session: {
      modelName: "sessions",
      fields: {
        userId: "user_id",
        token: "token_hmac",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        expiresAt: "expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
      expiresIn: sessionLifeSeconds,
      // A session ends when it was said to end; and no read of one writes.
      disableSessionRefresh: true,
      // A cached session would outlive its revocation.
      cookieCache: { enabled: false },
    },
    account: {
      modelName: "credentials",
      fields: {
        userId: "user_id",
        accountId: "account_id",
        providerId: "provider_id",
        accessToken: "access_token",
        refreshToken: "refresh_token",
        idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at",
        refreshTokenExpiresAt: "refresh_token_expires_at",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
      encryptOAuthTokens: true,
    },
    verification: {
      modelName: "verifications",
      fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
    },
    advanced: {
      cookiePrefix: "norns",
      useSecureCookies: false,
      // Cookies never reach Better Auth: who asks is found by `credentials-of.ts` and handed on as a bearer token, and
      // which page asks was checked before.
      disableCSRFCheck: true,
      ipAddress: { ipAddressHeaders: [peerHeader] },
      database: {
        generateId: ({ model }) =>
          model === "user" ? newId("UserId", ids) : model === "session" ? newId("SessionId", ids) : crypto.randomUUID(),
        validateSchema: false,
      },
    },
  } satisfies BetterAuthOptions;
}
