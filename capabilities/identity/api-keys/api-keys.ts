import { isAtLeast, type Role, type Revocations, type Scope } from "@norns/kernel/actor";
import type { Clock } from "@norns/kernel/clock";
import { Write, type Store } from "@norns/kernel/database";
import { invalid, notFound } from "@norns/kernel/errors";
import { subject, type Events } from "@norns/kernel/events";
import { newId, type ApiKeyId, type IdSource, type UserId, type WorkspaceId } from "@norns/kernel/ids";
import type { Audit } from "@norns/capabilities/identity/audit";
import { shownCharacters, type ApiKeyAnswer, type ApiKeys } from "./contract.ts";
import { keyHmac, looksLikeKey, newKeyValue } from "./key-value.ts";
import { createApiKeyStore } from "./store.ts";
import type { ApiKeyTables } from "./tables.ts";

export interface ApiKeysDeps {
  readonly store: Store;
  readonly events: Events;
  readonly audit: Audit;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly ids: IdSource;
  /**
   * Adds to the write that the maker is still a member with that role, and keeps it so until the commit: a key made while
   * its maker is being removed would outlive the membership it stands on.
   */
  readonly holdMembership: (write: Write, workspace: WorkspaceId, user: UserId, role: Role) => void;
  /** Keys the HMAC; derived from the installation's secret. Another pepper means no key is known any more. */
  readonly pepper: string;
}

/** `last_used_at` is written at most once in this time. */
const sampleMs = 60_000;

/** What a key may do at most: its scopes say what, this says how far. Members and settings stay with people. */
const roleOfKey = (maker: Role): Role => (isAtLeast(maker, "editor") ? "editor" : maker);

export function createApiKeys({ store, events, audit, revocations, clock, ids, holdMembership, pepper }: ApiKeysDeps): ApiKeys {
  const rows = createApiKeyStore(store);
  const keyEvent = (workspace: WorkspaceId, actor: { label: string }, id: ApiKeyId, action: string, message: string) => ({
    workspace,
    subject: subject("api-key", id),
    category: "api-key",
    action,
    message,
    actor: actor.label,
  });

  return {
    async findByValue(value) {
      if (!looksLikeKey(value)) return null;
      const row = await rows.findByHmac(keyHmac(value, pepper));
      const now = clock.now();
      if (!row || row.revoked_at !== null || (row.expires_at !== null && row.expires_at <= now)) return null;
      if (row.last_used_at === null || now - row.last_used_at > sampleMs)
        await store.batch([rows.touch(row.id as ApiKeyId, now, now - sampleMs)]);
      return {
        id: row.id as ApiKeyId,
        label: row.label,
        workspace: row.workspace as WorkspaceId,
        scopes: JSON.parse(row.scopes) as Scope[],
        role: row.role as Role,
        expiresAt: row.expires_at,
        issuer: row.created_by,
      };
    },

    async create(actor, workspace, { label, scopes, expiresAt }, requestId) {
      const now = clock.now();
      if (expiresAt != null && expiresAt <= now) throw invalid("expired_key", "expiresAt: lies in the past; the key would never be good.");
      const value = newKeyValue();
      const row: ApiKeyTables["api_keys"] = {
        id: newId("ApiKeyId", ids),
        workspace,
        label,
        prefix: value.slice(0, shownCharacters),
        hmac: keyHmac(value, pepper),
        scopes: JSON.stringify([...new Set(scopes)].sort()),
        role: roleOfKey(actor.roles[workspace]!),
        created_by: actor.id,
        created_by_label: actor.label,
        created_at: now,
        expires_at: expiresAt ?? null,
        revoked_at: null,
        last_used_at: null,
      };
      const write = new Write();
      if (actor.kind === "user") holdMembership(write, workspace, actor.id as UserId, actor.roles[workspace]!);
      write.add(rows.insert(row));
      audit.record(write, {
        workspace,
        actor,
        action: "apiKeys.create",
        subject: subject("api-key", row.id),
        after: { label, scopes: JSON.parse(row.scopes) as string[], expiresAt: row.expires_at },
        requestId,
      });
      events.append(write, keyEvent(workspace, actor, row.id as ApiKeyId, "api-key.created", `${actor.label} made the API key ${label}.`));
      await write.commit(store);
      return { ...toAnswer(row), apiKey: value };
    },

    async list(workspace) {
      return (await rows.list(workspace)).map(toAnswer);
    },

    async revoke(actor, workspace, id, requestId) {
      const row = await rows.find(workspace, id);
      if (!row) throw notFound("api_key_not_found", "There is no such API key in this workspace.");
      if (row.revoked_at !== null) return;
      const write = new Write();
      write.add(rows.revoke(id, clock.now()));
      audit.record(write, {
        workspace,
        actor,
        action: "apiKeys.revoke",
        subject: subject("api-key", id),
        before: { label: row.label },
        after: { revoked: true },
        requestId,
      });
      events.append(write, keyEvent(workspace, actor, id, "api-key.revoked", `${actor.label} revoked the API key ${row.label}.`));
      revocations.revoke(write, [`api-key:${id}`]);
      await write.commit(store);
    },

    membershipChanged(write, { workspace, user, role }) {
      // A cached actor of such a key ends with its issuer, whom the caller revokes.
      write.add(role === null ? rows.revokeOfMaker(workspace, user, clock.now()) : rows.setRoleOfMaker(workspace, user, roleOfKey(role)));
    },

    workspaceDeleted(write, workspace) {
      write.add(rows.revokeAll(workspace, clock.now()));
    },
  };
}

const toAnswer = (row: ApiKeyTables["api_keys"]): ApiKeyAnswer => ({
  id: row.id,
  label: row.label,
  prefix: row.prefix,
  scopes: JSON.parse(row.scopes) as Scope[],
  created_by: row.created_by_label,
  created_at: row.created_at,
  expires_at: row.expires_at,
  revoked_at: row.revoked_at,
  last_used_at: row.last_used_at,
});
