/** People, sessions and ways to be let in: shapes on the wire and the door. */
import { z } from "@norns/kernel/http";
import type { Actor, RevocationSubject, Role } from "@norns/kernel/actor";
import { idSchema, type SessionId, type UserId } from "@norns/kernel/ids";

export const passwordSchema = z.string().min(8, "at least 8 characters are needed").max(128, "at most 128 characters are allowed");
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

/** A request for Better Auth, with what our own server knows of it. */
export interface AuthRequest {
  readonly request: Request;
  readonly remoteAddress: string;
  readonly actor: Actor | null;
  readonly requestId?: string | undefined;
}

/** Where a request came from, for limits and for the list of sessions. */
export interface Caller {
  readonly remoteAddress: string;
  readonly userAgent: string | null;
  readonly requestId?: string | undefined;
}

export interface NewPerson {
  readonly email: string;
  readonly password: string;
  readonly name?: string | undefined;
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
  /**
   * One of Better Auth's own paths (the routes list which). Loads Better Auth on first use. What it writes is committed
   * before the answer is given.
   */
  handleAuth(request: AuthRequest): Promise<Response>;
  /** The one-time link to print at start; null when the installation is claimed. Each call makes a new one and ends the old. */
  claimLink(): Promise<string | null>;
  isClaimed(): Promise<boolean>;
  /** Whether anybody may make an account for themselves, once the installation is claimed. */
  readonly isSignUpOpen: boolean;
  /** True where the browser came by https: its cookie is then `__Host-` and Secure. */
  isSecure(request: Pick<CredentialRequest, "url" | "headers">): boolean;
  /**
   * A token for `NORNS_HOME/credential`: owner of workspace `default`. `home` names the NORNS_HOME (its node id): each has
   * one token, and a new one ends the one before.
   */
  localCredential(home: string): Promise<{ token: string }>;
  /** Whether a token is still good: a restarted server keeps the file it finds. */
  isLocalCredential(home: string, token: string): Promise<boolean>;
  /** For a socket that cannot carry a header: good once, within 30 s, for this actor. */
  issueTicket(actor: Actor): Promise<{ ticket: string; expiresAt: number }>;
  /** The first person: administrator of the installation and owner of `default`. Conflict when somebody was first. */
  claim(token: string, person: NewPerson, caller: Caller): Promise<SignedIn>;
  /** With an invitation, or where the operator opened sign-up. */
  signUp(person: NewPerson & { invitation?: string | undefined }, caller: Caller): Promise<SignedIn>;
  signIn(given: { email: string; password: string }, caller: Caller): Promise<SignedIn>;
  /** Ends the session behind the actor. Nothing to do for an actor without one. */
  signOut(actor: Actor | null, requestId?: string): Promise<void>;
  /** What an invitation link leads to: null for a used, revoked, expired or unknown one. */
  previewInvitation(
    token: string,
    caller: Caller,
  ): Promise<{ email: string; role: Role; workspaceName: string; hasAccount: boolean } | null>;
  acceptInvitation(actor: Actor, token: string, caller: Caller): Promise<{ workspaceId: string; role: Role }>;
  getPerson(actor: Actor): Promise<Person>;
  changeName(actor: Actor, name: string, requestId?: string): Promise<Person>;
  /** Ends every other session of the person. */
  changePassword(actor: Actor, passwords: { currentPassword: string; newPassword: string }, caller: Caller): Promise<void>;
  listSessions(actor: Actor): Promise<SessionAnswer[]>;
  revokeSession(actor: Actor, session: SessionId, requestId?: string): Promise<void>;
  /** Revokes all sessions of the actor's person but the actor's own. */
  revokeOtherSessions(actor: Actor, requestId?: string): Promise<number>;
  findPeople(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, Person>>;
  /** Takes away sessions, verifications and tickets whose time is over: they open nothing, and only take room. Once a day. */
  forgetExpired(): Promise<void>;
  /** Ends loops and waits. Harmless to repeat. */
  close(): Promise<void>;
}
