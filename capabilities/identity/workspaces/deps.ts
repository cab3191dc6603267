import type { Revocations } from "@norns/kernel/actor";
import type { Clock } from "@norns/kernel/clock";
import type { Store, Write } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { IdSource, WorkspaceId } from "@norns/kernel/ids";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { MembershipChange, People } from "./contract.ts";
import type { WorkspaceStore } from "./store.ts";

export interface WorkspacesDeps {
  readonly store: Store;
  readonly events: Events;
  readonly audit: Audit;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly people: People;
  /** Keys the HMAC of invitation tokens: `NORNS_WORKSPACE_INVITE_SECRET`, else `JWT_SECRET`. */
  readonly invitationSecret: string;
  /** Where a person's browser finds the server: links begin with it. Without a slash at the end. */
  readonly publicUrl: () => string;
  /** Adds to the write what follows from a changed membership: the keys the member made. */
  readonly membershipChanged: (write: Write, change: MembershipChange) => void;
  /** Adds to the write what follows from a deleted workspace. */
  readonly workspaceDeleted: (write: Write, workspace: WorkspaceId) => void;
  /** Names of what other rooms still keep in a workspace (`app shop`); a workspace is deleted only when there is none. */
  readonly holdings: (workspace: WorkspaceId) => Promise<readonly string[]>;
}

/** What the verbs of this room share. */
export interface Room extends WorkspacesDeps {
  readonly rows: WorkspaceStore;
}
