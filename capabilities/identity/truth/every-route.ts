/**
 * Every route, tried by everybody: first the one who may, who must succeed; then all who may not, each with the exact
 * refusal, and afterwards nothing has changed. A route is known from the router, so a new one is tried without being
 * asked; one with parameters or a body needs a recipe, and is a failure until it has one.
 */
import { isAtLeast, type Action } from "@norns/kernel/actor";
import type { RouteEntry } from "@norns/kernel/http";
import { roleBelow, type Cast } from "./cast.ts";
import { trySocket } from "./every-socket.ts";

/** An answer: its status, and where it matters its code and its whole text. */
export type Expected = readonly [status: number, code?: string | undefined, body?: string | undefined];

export interface Target {
  /** The path with its parameters filled in. */
  readonly path: string;
  readonly body?: unknown;
  /** A body that is not JSON. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** Statuses that mean "let in" besides 2xx: a 409 of a precondition, a 404 of a thing that needs more than a recipe. */
  readonly alsoFine?: readonly number[];
  /** The thing belongs to one person (`person` routes): what another person is told, `[404]` or `[403, code]`. */
  readonly another?: readonly [status: number, code?: string];
  /**
   * What the owner of another workspace is told who asks for this very thing there, without naming ours: `[404]` unless
   * said otherwise. Only where the path names a thing and not its workspace.
   */
  readonly elsewhere?: Expected;
  /** Not the owner's but this token makes the control call. */
  readonly by?: string;
}

export interface Trial {
  readonly routes: readonly RouteEntry[];
  readonly cast: Cast;
  fetch(
    path: string,
    init: { method: string; headers: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> },
  ): Promise<Response>;
  /** Host and port the server is asked under: pages of it send this as Origin. */
  readonly origin: string;
  /** By `METHOD /path/{parameter}`; called anew for the control and for the refusals, since a control may use its target up. */
  readonly recipes: Readonly<Record<string, () => Promise<Target> | Target>>;
  /** Text that differs when anything was changed: rows of all tables that a refused call must not touch. */
  snapshot(): Promise<string>;
  /** Absent where there are no sockets. */
  readonly sockets?: SocketTrial;
}

export interface SocketTrial {
  readonly paths: readonly string[];
  /** Opens a socket and tells the status of the answer: 101 when it was opened and served; it is closed again. */
  connect(path: string, headers: Record<string, string>): Promise<number>;
  /** A ticket that the bearer of this session token has just asked for. */
  ticket(session: string): Promise<string>;
  /** Lets the time of all tickets pass. */
  expireTickets(): Promise<void>;
}

export interface Verdict {
  readonly routes: number;
  readonly sockets: number;
  readonly calls: number;
  /** One line each; empty when all held. */
  readonly failures: readonly string[];
}

export async function tryEveryRoute(trial: Trial): Promise<Verdict> {
  const failures: string[] = [];
  let calls = 0;

  const call = async (name: string, method: string, target: Target, headers: Record<string, string>, expected: Expected): Promise<void> => {
    calls += 1;
    const response = await trial.fetch(target.path, send(method, target, headers));
    const isJson = response.headers.get("content-type")?.includes("json");
    const text = isJson ? await response.text() : (await response.body?.cancel(), "");
    const code = codeOf(text);
    const [status, wantedCode, wantedBody] = expected;
    if (
      response.status !== status ||
      (wantedCode !== undefined && code !== wantedCode) ||
      (wantedBody !== undefined && text !== wantedBody)
    )
      failures.push(`${method} ${target.path} by ${name}: ${response.status} ${code ?? ""}, expected ${expected.join(" ")}`);
  };

  for (const route of trial.routes) {
    const id = `${route.method} ${route.path}`;
    const recipe = trial.recipes[id] ?? (route.method === "GET" && !route.path.includes("{") ? () => ({ path: route.path }) : undefined);
    if (!recipe) {
      failures.push(`${id}: has no recipe, so nothing was tried`);
      continue;
    }
    calls += 1;
    const control = await recipe();
    const failure = await tryControl(trial, route, control);
    if (failure) failures.push(failure);
    if ("open" in route.access) continue;

    const target = await recipe();
    const before = await trial.snapshot();
    for (const [name, headers, expected] of refusalsOf(trial, route, target)) await call(name, route.method, target, headers, expected);
    // HEAD is answered by the route for GET, and lets nobody in that GET does not.
    if (route.method === "GET") await call("nobody", "HEAD", target, {}, [401]);
    if ((await trial.snapshot()) !== before) failures.push(`${id}: something changed although everybody was refused`);
  }

  const paths = trial.sockets?.paths ?? [];
  for (const path of paths) calls += await trySocket(trial, trial.sockets!, path, failures);
  return { routes: trial.routes.length, sockets: paths.length, calls, failures };
}

function send(method: string, { body, bytes }: Target, headers: Record<string, string>) {
  if (bytes) return { method, headers: { "content-type": "application/octet-stream", ...headers }, body: bytes };
  if (body === undefined) return { method, headers };
  return { method, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

async function tryControl(trial: Trial, route: RouteEntry, target: Target): Promise<string | undefined> {
  const token = target.by ?? trial.cast.sessions.owner;
  const response = await trial.fetch(target.path, send(route.method, target, { authorization: `Bearer ${token}` }));
  const isFine = response.ok || response.status === 304 || target.alsoFine?.includes(response.status);
  // A stream would never end; its head is enough.
  const isStream = response.headers.get("content-type")?.includes("event-stream");
  const text = isStream ? (await response.body?.cancel(), "") : await response.text();
  return isFine ? undefined : `${route.method} ${target.path} by the right one: ${response.status} ${text.slice(0, 200)}`;
}

type Refusal = readonly [name: string, headers: Record<string, string>, expected: Expected];

/** All who must be refused on this route, and how. */
function refusalsOf({ cast, origin }: Trial, route: RouteEntry, target: Target): Refusal[] {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const refusals: Refusal[] = [["nobody", {}, [401]]];
  for (const [name, token] of Object.entries({ ...cast.ended, ...cast.forged })) refusals.push([name, bearer(token), [401]]);
  refusals.push(["a forged cookie", { cookie: `norns=${"A".repeat(32)}`, origin }, [401]]);
  refusals.push(["a Cloudflare header out of nowhere", { "cf-access-jwt-assertion": "eyJhbGciOiJub25lIn0.e30." }, [401]]);
  if (route.method !== "GET") {
    const cookie = `norns=${cast.sessions.owner}`;
    refusals.push(["the owner's cookie from a foreign page", { cookie, origin: "https://evil.example" }, [403, "origin_refused"]]);
    refusals.push(["the owner's cookie from another port", { cookie, origin: "http://127.0.0.1:3000" }, [403, "origin_refused"]]);
    refusals.push(["the owner's cookie without a page", { cookie }, [403, "origin_refused"]]);
  }

  const { access } = route;
  if ("person" in access) {
    refusals.push(["a key with every scope", bearer(cast.key), [403, "session_required"]]);
    if (target.another) refusals.push(["another person", bearer(cast.stranger.token), target.another]);
    return refusals;
  }
  if ("action" in access) refusals.push(...refusalsOfAction(cast, route, access.action, target));
  return refusals;
}

function refusalsOfAction(cast: Cast, route: RouteEntry, action: Action, target: Target): Refusal[] {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  // Where the path does not name the workspace, the header does.
  const isNamed = target.path.includes(cast.workspace);
  const here = isNamed ? {} : { "x-norns-workspace": cast.workspace };
  const refusals: Refusal[] = [];
  if (action.platformAdmin) {
    refusals.push(["the owner of another workspace", bearer(cast.stranger.token), [403, "platform_admin_required"]]);
    refusals.push(["a key with every scope", bearer(cast.key), [403, "platform_admin_required"]]);
    return refusals;
  }
  refusals.push(["the owner of another workspace", { ...bearer(cast.stranger.token), ...here }, [404]]);
  if (route.path.includes("{") && !isNamed)
    // A key has the rights of an editor at most, so what takes more is refused to it for that.
    for (const token of isAtLeast("editor", action.role) ? [cast.stranger.token, cast.strangersKey] : [cast.stranger.token])
      refusals.push(["somebody of another workspace, from there", bearer(token), target.elsewhere ?? [404]]);
  refusals.push(["a key of another workspace", { ...bearer(cast.strangersKey), ...here }, [404]]);
  const below = roleBelow(action.role);
  if (below) refusals.push([`a ${below}`, bearer(cast.sessions[below]), [403, "role_required"]]);
  if (!action.scope) refusals.push(["a key with every scope", bearer(cast.key), [403, "session_required"]]);
  else {
    refusals.push([`a key without ${action.scope}`, bearer(cast.keysWithout[action.scope]), [403, "missing_scope"]]);
    if (!isAtLeast("editor", action.role)) refusals.push(["a key with every scope", bearer(cast.key), [403, "role_required"]]);
  }
  return refusals;
}

function codeOf(text: string): string | undefined {
  try {
    const answer = JSON.parse(text) as { code?: string; error?: { code?: string } };
    return answer.code ?? answer.error?.code;
  } catch {
    return undefined;
  }
}
