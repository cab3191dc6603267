/** API keys: shapes on the wire and the door. A key's value is told once, when it is made. */
import { z } from "@norns/kernel/http";
import { scopes, type Actor, type Role, type Scope } from "@norns/kernel/actor";
import type { Write } from "@norns/kernel/database";
import { idSchema, type ApiKeyId, type UserId, type WorkspaceId } from "@norns/kernel/ids";

/** Every key begins with it, so that a leaked one is recognised by scanners and by our own masking. */
export const keyPrefix = "nora_";
/** How much of a key is kept readable, to tell keys apart in a list. */
export const shownCharacters = 18;

export const scopeSchema = z.enum(scopes);
export const keyParams = z.object({ workspaceId: idSchema("WorkspaceId"), keyId: idSchema("ApiKeyId") });

export const newKeyBody = z.object({
  label: z.string().trim().min(1, "a label is needed").max(120),
  scopes: z.array(scopeSchema).min(1, "at least one scope is needed"),
  /** Milliseconds since the epoch, or an ISO date. Absent or null: the key does not expire. */
  expiresAt: z.union([z.number().int(), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]).nullish(),
});
export type NewKey = z.infer<typeof newKeyBody>;

export const apiKeyAnswer = z
  .object({
    id: z.string(),
    label: z.string(),
    prefix: z.string(),
    scopes: z.array(scopeSchema),
    created_by: z.string(),
    created_at: z.number().int(),
    expires_at: z.number().int().nullable(),
    revoked_at: z.number().int().nullable(),
    /** To the minute or so: a read costs no write. */
    last_used_at: z.number().int().nullable(),
  })
  .openapi("ApiKey");
export type ApiKeyAnswer = z.infer<typeof apiKeyAnswer>;
export const createdKeyAnswer = apiKeyAnswer.extend({ apiKey: z.string() }).openapi("NewApiKey");

/** A key that is good: what an actor is made of. */
export interface FoundKey {
  readonly id: ApiKeyId;
  readonly label: string;
  readonly workspace: WorkspaceId;
  readonly scopes: readonly Scope[];
  /** `editor`, or less when its maker is less. */
  readonly role: Role;
  readonly expiresAt: number | null;
  /** Who made it: a person's id, or `local`. */
  readonly issuer: string;
}

export interface ApiKeys {
  /** One indexed select. Null for what is unknown, revoked or expired. */
  findByValue(value: string): Promise<FoundKey | null>;
  create(actor: Actor, workspace: WorkspaceId, key: NewKey, requestId?: string): Promise<ApiKeyAnswer & { apiKey: string }>;
  list(workspace: WorkspaceId): Promise<ApiKeyAnswer[]>;
  revoke(actor: Actor, workspace: WorkspaceId, key: ApiKeyId, requestId?: string): Promise<void>;
  /** Adds to a write what a changed membership means for the member's keys: lowered, or revoked with the membership. */
  membershipChanged(write: Write, change: { workspace: WorkspaceId; user: UserId; role: Role | null }): void;
  /** Adds to a write that the keys of a deleted workspace are revoked. */
  workspaceDeleted(write: Write, workspace: WorkspaceId): void;
}
