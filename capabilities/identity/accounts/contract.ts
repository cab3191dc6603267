/** People, sessions and ways to be let in: shapes on the wire and the door. */
import { z } from "@norns/kernel/http";
import type { Actor, RevocationSubject } from "@norns/kernel/actor";
import { idSchema, type SessionId, type UserId } from "@norns/kernel/ids";

export const passwordSchema = z
  .string()
  .min(8, "at least 8 characters are needed")
  .max(128, "at most 128 characters are allowed");
export const emailSchema = z.string().trim().toLowerCase().max(255).pipe(z.email("not an email address"));
export const personName = z.string().trim().min(1).max(100);
/** Tokens of ours in bodies: links, tickets. */
export const tokenSchema = z.string().min(20).max(200);

/** The part of a request that says who asks. A `Request` is one; an upgrade of node:http is turned into one. */
export interface CredentialRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

export interface Person {
  readonly id: UserId;
  readonly email: string;
  readonly name: string;
  readonly isPlatformAdmin: boolean;
  readonly createdAt: number;
}

export const personAnswer = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    /** `admin` for an administrator of the installation, else `user`. */
    role: z.enum(["user", "admin"]),
    created_at: z.number().int(),
  })
  .openapi("Person");
export type PersonAnswer = z.infer<typeof personAnswer>;

export const sessionAnswer = z
  .object({
    id: z.string(),
    current: z.boolean(),
    created_at: z.number().int(),
    expires_at: z.number().int(),
    ip_address: z.string().nullable(),
    user_agent: z.string().nullable(),
  })
  .openapi("Session");
export type SessionAnswer = z.infer<typeof sessionAnswer>;

export const sessionParams = z.object({ sessionId: idSchema("SessionId") });

export interface SignedIn {
  readonly token: string;
  readonly user: PersonAnswer;
  readonly expiresAt: number;
}

export interface Accounts {
  /**
   * Who asks. Null: no credential, or one that is not good; what needs somebody then answers 401. Throws `forbidden`
   * `origin_refused` when a browser's own credential (cookie, Cloudflare Access, open mode) comes from a page that is
   * not the control plane's, and `invalid` `conflicting_credentials` when two headers name different callers.
   *
   * ```ts
   * const actor = await accounts.resolveActor(request, { remoteAddress: "127.0.0.1" });
   * authorise(actor, deployApp, { workspace });
   * ```
   */
  resolveActor(request: CredentialRequest, peer: { readonly remoteAddress: string }): Promise<Actor | null>;
  /** Calls `close` once, within a second of the actor's revocation. Every live socket and stream registers; returns how to stop. */
  whenRevoked(actor: Actor, close: (subject: RevocationSubject) => void): () => void;
  /** Every revocation this process learns of. */
  onRevoked(callback: (subject: RevocationSubject) => void): () => void;
  /** Better Auth's own paths. The body is read here. Loads Better Auth on first use. */
  handleAuth(request: Request, peer: { readonly remoteAddress: string }): Promise<Response>;
  /** The one-time link to print at start; null when the installation is claimed. Each call makes a new one and ends the old. */
  claimLink(): Promise<string | null>;
  isClaimed(): Promise<boolean>;
  /** A new token for `NORNS_HOME/credential`; the one before ends. Owner of workspace `default`. */
  localCredential(): Promise<{ token: string }>;
  /** Whether a token is the one given last: a restarted server keeps the file it finds. */
  isLocalCredential(token: string): Promise<boolean>;
  /** For a socket that cannot carry a header: good once, within 30 s, for this actor. */
  issueTicket(actor: Actor): Promise<{ ticket: string; expiresAt: number }>;
  listSessions(actor: Actor): Promise<SessionAnswer[]>;
  revokeSession(actor: Actor, session: SessionId, requestId?: string): Promise<void>;
  /** Revokes all sessions of the actor's person but the actor's own. */
  revokeOtherSessions(actor: Actor, requestId?: string): Promise<number>;
  findPeople(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, Person>>;
  /** Ends loops and waits. Harmless to repeat. */
  close(): Promise<void>;
}
