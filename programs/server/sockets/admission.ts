/**
 * Who gets a socket. Before anyone is known, little is given: a bounded number of handshakes at once, by address and in
 * all, each with a time limit. A socket is a standing permission, so a page of another origin never gets one, whatever
 * credential the browser adds.
 */
import type { IncomingMessage } from "node:http";
import { followEvents } from "@norns/capabilities/operations";
import type { Actor } from "@norns/kernel/actor";
import { authorise } from "@norns/kernel/actor";
import { withinTime } from "@norns/kernel/clock";
import { forbidden, quota, unavailable, unauthenticated } from "@norns/kernel/errors";
import type { WorkspaceId } from "@norns/kernel/ids";

export interface SocketRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

export interface AdmissionDeps {
  readonly resolveActor: (request: SocketRequest, peer: { remoteAddress: string }) => Promise<Actor | null>;
  readonly resolveWorkspace: (actor: Actor, named: string) => Promise<WorkspaceId | undefined>;
  /** The control plane's own origin, as this request addressed it. */
  readonly ownOrigin: (request: IncomingMessage) => string | undefined;
  readonly remoteAddress: (request: IncomingMessage) => string;
}

export interface Admitted {
  readonly actor: Actor;
  readonly workspaces: readonly WorkspaceId[];
  readonly after: number | undefined;
}

const mostHandshakes = 200;
const mostHandshakesOfOneAddress = 20;
const handshakeTimeoutMs = 5_000;

export function createAdmission(deps: AdmissionDeps) {
  const waiting = new Map<string, number>();
  let total = 0;

  const enter = (address: string): (() => void) => {
    const own = waiting.get(address) ?? 0;
    if (total >= mostHandshakes || own >= mostHandshakesOfOneAddress)
      throw quota("too_many_handshakes", "Too many connections are being opened at once. Try again in a moment.", {
        details: { retryAfterMs: 1_000 },
      });
    total += 1;
    waiting.set(address, own + 1);
    return () => {
      total -= 1;
      const left = waiting.get(address)! - 1;
      if (left > 0) waiting.set(address, left);
      else waiting.delete(address);
    };
  };

  /** Throws what the upgrade is refused with. */
  return async function admit(request: IncomingMessage): Promise<Admitted> {
    const { origin } = request.headers;
    if (origin !== undefined && origin !== deps.ownOrigin(request))
      throw forbidden("origin_refused", "A page of another origin may not open this socket.");
    const remoteAddress = deps.remoteAddress(request);
    const leave = enter(remoteAddress);
    try {
      const asked = toSocketRequest(request);
      const url = new URL(asked.url);
      const actor = await withinTime(deps.resolveActor(asked, { remoteAddress }), handshakeTimeoutMs, tooLate);
      if (!actor)
        throw unauthenticated(
          "unauthenticated",
          "Send a bearer token, an API key, a ticket (`?ticket=`), or the session cookie from this server's own page.",
        );
      const hasExplicitCredential =
        request.headers.authorization !== undefined || request.headers["x-api-key"] !== undefined || url.searchParams.has("ticket");
      if (request.headers.cookie !== undefined && !hasExplicitCredential && origin === undefined)
        throw forbidden("origin_refused", "With a cookie a socket needs the header Origin.");
      const workspaces = await workspacesOf(deps, actor, request.headers["x-norns-workspace"] ?? url.searchParams.get("workspace"));
      return { actor, workspaces, after: afterOf(url.searchParams.get("after")) };
    } finally {
      leave();
    }
  };
}

/** One workspace when it is named, else all of the actor's. */
async function workspacesOf(deps: AdmissionDeps, actor: Actor, named: string | string[] | null): Promise<WorkspaceId[]> {
  if (typeof named === "string") {
    const workspace = (await deps.resolveWorkspace(actor, named)) ?? (named as WorkspaceId);
    authorise(actor, followEvents, { workspace });
    return [workspace];
  }
  authorise(actor, followEvents, { workspace: actor.homeWorkspace });
  return Object.keys(actor.roles) as WorkspaceId[];
}

const afterOf = (text: string | null): number | undefined => (text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined);

function toSocketRequest(request: IncomingMessage): SocketRequest {
  return {
    method: "GET",
    url: `http://${request.headers.host}${request.url}`,
    headers: {
      get(name) {
        const value = request.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(", ") : (value ?? null);
      },
    },
  };
}

const tooLate = () => unavailable("handshake_timed_out", "Nobody could say in time who this is. Try again.");
