/** Who may make whom what. Pure: no clock of its own, no database. */
import { isAtLeast, type Role } from "@norns/kernel/actor";

export const invitationLifeMs = 7 * 24 * 3_600_000;

/** Why `by` may not make a member who is `from` into `to` (`null`: no member); undefined when it is allowed. */
export function refuseChange(by: Role, from: Role, to: Role | null): "above_own_role" | "member_above_own_role" | undefined {
  if (!isAtLeast(by, from)) return "member_above_own_role";
  if (to !== null && !isAtLeast(by, to)) return "above_own_role";
  return undefined;
}

/** Whether a workspace would be left without an owner. */
export const losesOwner = (from: Role, to: Role | null): boolean => from === "owner" && to !== "owner";

/** `Acme & Söhne GmbH` → `acme-sohne-gmbh`; never empty. The suffix keeps two of one name apart. */
export function toSlug(name: string, suffix: string): string {
  const plain = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return plain ? `${plain}-${suffix}` : `workspace-${suffix}`;
}

export type InvitationState = "pending" | "accepted" | "revoked" | "expired";

export function stateOfInvitation(
  row: { accepted_at: number | null; revoked_at: number | null; expires_at: number },
  now: number,
): InvitationState {
  if (row.accepted_at !== null) return "accepted";
  if (row.revoked_at !== null) return "revoked";
  return row.expires_at <= now ? "expired" : "pending";
}
