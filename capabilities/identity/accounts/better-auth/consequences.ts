/**
 * What follows from each row that Better Auth writes: the audit row, the event, the revocation. By table and verb, so
 * that a plug-in's new path cannot change a person or a session without a trace.
 */
import type { Revocations } from "@norns/kernel/actor";
import type { Write } from "@norns/kernel/database";
import { subject, type Events } from "@norns/kernel/events";
import type { Json } from "@norns/kernel/ledger";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { Audit } from "@norns/capabilities/identity/audit";
import { accountEvent } from "../events.ts";
import { collecting } from "./collected-write.ts";

type Row = Readonly<Record<string, unknown>>;

export interface Consequences {
  created(write: Write, table: string, row: Row): void;
  updated(write: Write, table: string, before: Row, changes: Row): void;
  deleted(write: Write, table: string, row: Row): void;
}

export interface ConsequencesDeps {
  readonly audit: Audit;
  readonly events: Events;
  readonly revocations: Revocations;
  /** Where what concerns the installation is filed: workspace `default`. */
  readonly workspace: WorkspaceId;
}

/** Columns that say nothing of what somebody did. */
const silent = new Set(["updated_at", "created_at"]);

export function createConsequences({ audit, events, revocations, workspace }: ConsequencesDeps): Consequences {
  const trace = (
    write: Write,
    user: string,
    action: string,
    event: string,
    message: (label: string) => string,
    change: { before?: Json; after?: Json } = {},
  ): void => {
    const { actor, requestId, emails } = collecting();
    const by = actor ?? { kind: "user" as const, id: user, label: emails.get(user) ?? user };
    audit.record(write, { workspace, actor: by, action, subject: subject("user", user), ...change, requestId });
    events.append(write, accountEvent(workspace, by.label, user, event, message(by.label)));
  };

  return {
    created(write, table, row) {
      if (table === "sessions")
        trace(write, String(row["user_id"]), "accounts.signIn", "account.signed_in", (label) => `${label} signed in.`, {
          after: { session: String(row["id"]), ipAddress: String(row["ip_address"] ?? "") },
        });
      if (table === "users")
        trace(write, String(row["id"]), "accounts.create", "account.created", () => `${String(row["email"])} has an account now.`, {
          after: { email: String(row["email"]), name: String(row["name"]) },
        });
      if (table === "credentials")
        trace(
          write,
          String(row["user_id"]),
          "accounts.addCredential",
          "account.credential_added",
          (label) => `${label} has a new way to sign in.`,
          {
            after: { provider: String(row["provider_id"]) },
          },
        );
    },
    updated(write, table, before, changes) {
      const names = Object.keys(changes).filter((name) => !silent.has(name) && changes[name] !== before[name]);
      if (names.length === 0) return;
      const pick = (row: Row): Json => Object.fromEntries(names.map((name) => [name, (row[name] ?? null) as Json]));
      if (table === "users")
        trace(
          write,
          String(before["id"]),
          "accounts.updateProfile",
          "account.profile_changed",
          (label) => `${label} changed ${names.join(", ")}.`,
          {
            before: pick(before),
            after: pick({ ...before, ...changes }),
          },
        );
      if (table === "credentials")
        trace(
          write,
          String(before["user_id"]),
          "accounts.changeCredential",
          "account.credential_changed",
          (label) => `${label} changed how they sign in.`,
          {
            after: { provider: String(before["provider_id"]), changed: names },
          },
        );
      // A session's own life (its end moved) is nobody's deed.
    },
    deleted(write, table, row) {
      if (table === "sessions") {
        trace(write, String(row["user_id"]), "accounts.signOut", "account.signed_out", (label) => `${label} signed out.`, {
          before: { session: String(row["id"]) },
        });
        revocations.revoke(write, [`session:${String(row["id"])}`]);
      }
      if (table === "users") {
        trace(write, String(row["id"]), "accounts.delete", "account.deleted", () => `${String(row["email"])} has no account any more.`, {
          before: { email: String(row["email"]) },
        });
        revocations.revoke(write, [`user:${String(row["id"])}`]);
      }
      if (table === "credentials")
        trace(
          write,
          String(row["user_id"]),
          "accounts.removeCredential",
          "account.credential_removed",
          (label) => `${label} lost a way to sign in.`,
          {
            before: { provider: String(row["provider_id"]) },
          },
        );
    },
  };
}
