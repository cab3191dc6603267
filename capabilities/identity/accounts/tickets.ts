/**
 * Tickets for sockets: a browser cannot put a header on a WebSocket, so a page asks for a ticket first. Good once, for
 * thirty seconds, on any replica; what is kept is its hash and whom it stands for, looked up anew when it is used.
 */
import type { Actor } from "@norns/kernel/actor";
import type { SessionId, UserId } from "@norns/kernel/ids";
import type { Room } from "./deps.ts";
import { newToken, tokenHash } from "./secrets.ts";

export const ticketLifeMs = 30_000;

/** Whom a ticket stands for: a session while it lives, or a person whom Cloudflare Access let in. */
export type TicketBearer = { readonly session: SessionId } | { readonly cfAccess: UserId };

export async function issueTicket(room: Room, actor: Actor): Promise<{ ticket: string; expiresAt: number }> {
  const now = room.clock.now();
  const ticket = newToken();
  const bearer: TicketBearer = actor.session ? { session: actor.session } : { cfAccess: actor.id as UserId };
  const expiresAt = now + ticketLifeMs;
  await room.store.batch([
    room.rows.forgetTickets(now),
    room.rows.insertTicket({ hash: tokenHash("ticket", ticket), bearer: JSON.stringify(bearer), expires_at: expiresAt }),
  ]);
  return { ticket, expiresAt };
}

export async function redeemTicket(room: Room, ticket: string): Promise<TicketBearer | null> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(ticket)) return null;
  const [taken] = await room.store.batch([room.rows.takeTicket(tokenHash("ticket", ticket))]);
  const row = taken!.rows[0] as { bearer: string; expires_at: number } | undefined;
  if (!row || row.expires_at <= room.clock.now()) return null;
  return JSON.parse(row.bearer) as TicketBearer;
}
