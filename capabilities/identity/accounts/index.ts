/** People, sessions, and who asks. */
import type { RoomMigrations } from "@norns/kernel/database";
import { accounts0001 } from "./migrations/0001-accounts.ts";

export type { Accounts, AuthRequest, Caller, CredentialRequest, NewPerson, Person, SessionAnswer, SignedIn } from "./contract.ts";
export type { AccountsDeps, Modes } from "./deps.ts";
export { createAccounts } from "./accounts.ts";
export { accountRoutes } from "./routes.ts";
export { emailSchema } from "./contract.ts";
export { plainCookieName, secureCookieName } from "./cookies.ts";
export { deriveSecret } from "./secrets.ts";

export const accountMigrations: RoomMigrations = {
  schema: "identity",
  room: "identity/accounts",
  migrations: [accounts0001],
};
