/**
 * Every socket, tried by everybody. A socket is a standing permission, and a browser opens one from any page: so besides
 * who asks, it counts from where.
 */
import type { Cast } from "./cast.ts";
import type { SocketTrial, Trial } from "./every-route.ts";

type Try = readonly [name: string, path: string, headers: Record<string, string>, status: number];

/** Returns how many were tried; what went wrong is added to `failures`. */
export async function trySocket(trial: Trial, sockets: SocketTrial, path: string, failures: string[]): Promise<number> {
  const { cast, origin } = trial;
  const tryAll = async (tries: readonly Try[]): Promise<number> => {
    for (const [name, at, headers, status] of tries) {
      const got = await sockets.connect(at, headers);
      if (got !== status) failures.push(`socket ${path} by ${name}: ${got}, expected ${status}`);
    }
    return tries.length;
  };
  const withTicket = (ticket: string): string => `${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}`;

  let calls = await tryAll(admitted(cast, path, origin));

  const ticket = await sockets.ticket(cast.sessions.owner);
  calls += await tryAll([
    // Refused before it is looked at: a foreign page cannot use a ticket up.
    ["a ticket from a foreign page", withTicket(ticket), { origin: "https://evil.example" }, 403],
    ["a ticket", withTicket(ticket), { origin }, 101],
    ["a used ticket", withTicket(ticket), { origin }, 401],
  ]);
  const late = await sockets.ticket(cast.sessions.owner);
  await sockets.expireTickets();
  calls += await tryAll([["an expired ticket", withTicket(late), { origin }, 401]]);

  const before = await trial.snapshot();
  calls += await tryAll(refused(cast, path, origin, withTicket));
  if ((await trial.snapshot()) !== before) failures.push(`socket ${path}: something changed although everybody was refused`);
  return calls;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const admitted = (cast: Cast, path: string, origin: string): Try[] => [
  ["the owner's token", path, bearer(cast.sessions.owner), 101],
  ["a viewer's token", path, bearer(cast.sessions.viewer), 101],
  ["a key as bearer", path, bearer(cast.key), 101],
  ["a key in its own header", path, { "x-api-key": cast.key }, 101],
  ["the owner's cookie from our page", path, { cookie: `norns=${cast.sessions.owner}`, origin }, 101],
];

function refused(cast: Cast, path: string, origin: string, withTicket: (ticket: string) => string): Try[] {
  const cookie = `norns=${cast.sessions.owner}`;
  const { "revoked session": revoked, "expired session": expired } = cast.ended;
  return [
    ["nobody", path, {}, 401],
    ["nobody from our page", path, { origin }, 401],
    ...Object.entries({ ...cast.ended, ...cast.forged }).map(([name, token]): Try => [name, path, bearer(token), 401]),
    ...[revoked, expired].map((token): Try => ["an ended session's cookie", path, { cookie: `norns=${token}`, origin }, 401]),
    ["a forged ticket", withTicket("A".repeat(43)), { origin }, 401],
    ["a session token as a ticket", withTicket(cast.sessions.owner), { origin }, 401],
    ["a good cookie beside a forged ticket", withTicket("A".repeat(43)), { cookie, origin }, 401],
    ["a good cookie beside a forged token", path, { ...bearer("A".repeat(32)), cookie, origin }, 401],
    ["a Cloudflare header out of nowhere", path, { "cf-access-jwt-assertion": "eyJhbGciOiJub25lIn0.e30." }, 401],
    ["the owner's cookie from a foreign page", path, { cookie, origin: "https://evil.example" }, 403],
    ["the owner's cookie from another port", path, { cookie, origin: "http://127.0.0.1:3000" }, 403],
    ["the owner's cookie from a page without an origin", path, { cookie, origin: "null" }, 403],
    ["the owner's cookie without a page", path, { cookie }, 403],
    ["the owner's token from a foreign page", path, { ...bearer(cast.sessions.owner), origin: "https://evil.example" }, 403],
    ["the owner of another workspace", path, { ...bearer(cast.stranger.token), "x-norns-workspace": cast.workspace }, 404],
    ["a key of another workspace", path, { ...bearer(cast.strangersKey), "x-norns-workspace": cast.workspace }, 404],
    ["a key without the scope", path, bearer(cast.keysWithout["apps:read"]), 403],
  ];
}
