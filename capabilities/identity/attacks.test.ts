/** Rows of the list of attacks that concern who is who. Each fails on a build without the defence. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { systemClock } from "@norns/kernel/clock";
import type { RateRule } from "@norns/kernel/http";
import { aMember, allIdentityMigrations, aWing, claimed, origin, password, type Wing } from "./fixtures.ts";
import { aTeam, audience, teamDomain } from "./truth/cloudflare.ts";
import { snapshotOf } from "./truth/index.ts";

const socket = (headers: Record<string, string> = {}, query = "") => ({
  method: "GET",
  url: `${origin}/ws${query}`,
  headers: { get: (name: string) => ({ host: "127.0.0.1:8800", upgrade: "websocket", ...headers })[name.toLowerCase()] ?? null },
});
const peer = { remoteAddress: "127.0.0.1" };

describe("attacks on identity", () => {
  let db: TestDatabase;
  /** Two servers on one database. */
  let wing: Wing;
  let other: Wing;
  let owner: { token: string; userId: string };
  let workspace: string;
  beforeAll(async () => {
    db = await aDatabase(allIdentityMigrations);
    wing = await aWing(db.store);
    other = await aWing(db.openStore());
    owner = await claimed(wing);
    workspace = await wing.identity.workspaces.defaultWorkspace();
  });
  afterAll(async () => {
    await Promise.all([wing.close(), other.close()]);
    await db.close();
  });
  const me = (from: Wing, token: string) => from.request("GET", "/api/auth/me", undefined, { token });

  it("[A1] another workspace's member, invitation and key ids are not found under one's own workspace", async () => {
    const elsewhere = (await wing.request("POST", "/api/workspaces", { name: "Elsewhere" }, { token: owner.token })).body.id;
    const invitation = (
      await wing.request(
        "POST",
        `/api/workspaces/${elsewhere}/invitations`,
        { email: "a1@example.com", role: "viewer" },
        { token: owner.token },
      )
    ).body.id;
    const key = (
      await wing.request("POST", `/api/workspaces/${elsewhere}/api-keys`, { label: "a1", scopes: ["apps:read"] }, { token: owner.token })
    ).body.id;
    const admin = await aMember(wing, owner.token, workspace, "a1-admin@example.com", "admin");
    const before = await snapshotOf(db.store);
    for (const path of [
      `/api/workspaces/${workspace}/invitations/${invitation}`,
      `/api/workspaces/${workspace}/api-keys/${key}`,
      `/api/workspaces/${elsewhere}/invitations/${invitation}`,
      `/api/workspaces/${elsewhere}/api-keys/${key}`,
      `/api/workspaces/${elsewhere}`,
    ])
      expect((await wing.request("DELETE", path, undefined, { token: admin.token })).status, path).toBe(404);
    expect(await snapshotOf(db.store)).toBe(before);
  });

  it("[A2] no list shows a link, a token, a hash or a password, whatever the role", async () => {
    await wing.request(
      "POST",
      `/api/workspaces/${workspace}/invitations`,
      { email: "a2@example.com", role: "admin" },
      { token: owner.token },
    );
    for (const path of ["members", "invitations?includeRevoked=true", "api-keys"]) {
      const { body } = await wing.request("GET", `/api/workspaces/${workspace}/${path}`, undefined, { token: owner.token });
      expect(JSON.stringify(body), path).not.toMatch(/hmac|token|scrypt|link|password/i);
    }
    const events = await db.store
      .tables<{ events: { message: string; metadata: string } }>("kernel")
      .selectFrom("events")
      .selectAll()
      .execute();
    expect(JSON.stringify(events)).not.toMatch(/scrypt\$|hmac:|nora_[A-Za-z0-9]{5}|#[A-Za-z0-9_-]{43}/);
    const stored = await snapshotOf(db.store);
    expect(stored).not.toContain(owner.token);
  });

  it("[A4] nobody names their own role, scopes, person or administration in a body", async () => {
    const invited = await wing.request(
      "POST",
      `/api/workspaces/${workspace}/invitations`,
      { email: "a4@example.com", role: "viewer" },
      { token: owner.token },
    );
    const greedy = {
      role: "owner",
      roles: { [workspace]: "owner" },
      isPlatformAdmin: true,
      is_platform_admin: 1,
      userId: owner.userId,
      scopes: "all",
      emailVerified: true,
    };
    const made = await wing.request("POST", "/api/auth/signup", {
      ...greedy,
      email: "a4@example.com",
      password,
      invitation: invited.body.token,
    });
    expect(made.body.user).toMatchObject({ email: "a4@example.com", role: "user" });
    await wing.request("POST", "/api/auth/update-user", { ...greedy, name: "A4" }, { token: made.body.token });
    await wing.request("PATCH", "/api/auth/profile", { ...greedy, name: "A4" }, { token: made.body.token });
    expect((await me(wing, made.body.token)).body).toMatchObject({ id: made.body.user.id, role: "user", roles: { [workspace]: "viewer" } });
    expect((await me(wing, owner.token)).body.name).toBe("Owner");
    // A key is made for its maker, whoever the body names.
    const key = await wing.request(
      "POST",
      `/api/workspaces/${workspace}/api-keys`,
      { ...greedy, label: "a4", scopes: ["workspaces:read"], created_by: "usr_x", userId: "usr_x" },
      { token: owner.token },
    );
    expect(key.body.created_by).toBe("owner@example.com");
    expect((await wing.request("GET", "/api/workspaces", undefined, { token: key.body.apiKey })).body[0].role).toBe("editor");
  });

  it("[A5] what is made lands in the workspace of the path, whatever header or body says", async () => {
    const elsewhere = (await wing.request("POST", "/api/workspaces", { name: "A5" }, { token: owner.token })).body.id;
    const key = await wing.request(
      "POST",
      `/api/workspaces/${workspace}/api-keys`,
      { label: "a5", scopes: ["apps:read"], workspace: elsewhere, workspaceId: elsewhere, id: "key_x" },
      { token: owner.token, headers: { "x-norns-workspace": elsewhere } },
    );
    expect((await wing.request("GET", `/api/workspaces/${elsewhere}/api-keys`, undefined, { token: owner.token })).body).toEqual([]);
    expect(key.body.id).not.toBe("key_x");

    // Nor is it the header that decides whether one may: the owner of another workspace names that one.
    const guest = await aMember(wing, owner.token, workspace, "a5@example.com", "viewer");
    const own = (await wing.request("POST", "/api/workspaces", { name: "A5 own" }, { token: guest.token })).body.id;
    const call = { token: guest.token, headers: { "x-norns-workspace": own } };
    expect((await wing.request("POST", `/api/workspaces/${own}/api-keys`, { label: "own", scopes: ["apps:read"] }, call)).status).toBe(201);
    expect((await wing.request("POST", `/api/workspaces/${workspace}/api-keys`, { label: "a5", scopes: ["apps:read"] }, call)).status).toBe(
      403,
    );
    await wing.request("DELETE", `/api/workspaces/${workspace}/members/${guest.userId}`, undefined, { token: owner.token });
    expect((await wing.request("POST", `/api/workspaces/${workspace}/api-keys`, { label: "a5", scopes: ["apps:read"] }, call)).status).toBe(
      404,
    );
  });

  it("[A6] what is remembered of one caller is never told to another", async () => {
    const people = await Promise.all(
      ["one", "two", "three", "four"].map((name) => aMember(wing, owner.token, workspace, `a6-${name}@example.com`, "viewer")),
    );
    const seen = await Promise.all(Array.from({ length: 80 }, (_, index) => me(wing, people[index % 4]!.token)));
    for (const [index, answer] of seen.entries()) expect(answer.body.id).toBe(people[index % 4]!.userId);
  });

  it("[A8] a workspace is named whole: no prefix, no other case, no property of every object", async () => {
    for (const named of [
      workspace.slice(0, -1),
      workspace.toUpperCase(),
      `${workspace} `,
      `${workspace}/..`,
      "constructor",
      "__proto__",
      "hasOwnProperty",
      "toString",
      "%2e%2e",
      "defaul",
      "DEFAULT",
    ]) {
      const { status } = await wing.request("GET", "/api/workspaces", undefined, {
        token: owner.token,
        headers: { "x-norns-workspace": named },
      });
      expect([404, 200].includes(status) && (status === 404 || named.trim() === workspace), `${named}: ${status}`).toBe(true);
      const path = await wing.request("GET", `/api/workspaces/${encodeURIComponent(named)}/members`, undefined, { token: owner.token });
      expect(path.status, named).toBe(404);
    }
  });

  it("[A9] a key given twice or under another spelling is not read past the check", async () => {
    const editor = await aMember(wing, owner.token, workspace, "a9@example.com", "editor");
    const at = `/api/workspaces/${workspace}`;
    for (const path of [
      `${at}/members/${editor.userId}/`,
      `/api//workspaces/${workspace}/members/${editor.userId}`,
      `/API/workspaces/${workspace}/members/${editor.userId}`,
      `${at}/members/${editor.userId}%00`,
      `${at}/./members/${editor.userId}`,
    ])
      expect([401, 403, 404].includes((await wing.request("PATCH", path, { role: "owner" }, { token: editor.token })).status), path).toBe(
        true,
      );
    const twice = await wing.request("PATCH", `${at}/members/${editor.userId}`, '{"role":"viewer","role":"owner"}', {
      token: editor.token,
    });
    expect(twice.status).toBe(403);
    const polluted = await wing.request("POST", `${at}/api-keys`, '{"label":"x","scopes":["apps:read"],"__proto__":{"role":"owner"}}', {
      token: owner.token,
    });
    expect([201, 400]).toContain(polluted.status);
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it("[W3] a session that is ended on one server is refused by the other within a second, and its live streams close", async () => {
    const person = await aMember(wing, owner.token, workspace, "w3@example.com", "editor");
    expect((await me(other, person.token)).status).toBe(200);
    const actor = (await other.identity.accounts.resolveActor(socket({ authorization: `Bearer ${person.token}` }), peer))!;
    const closed = new Promise<string>((resolve) => other.identity.accounts.whenRevoked(actor, resolve));
    const at = Date.now();
    await wing.request("POST", "/api/auth/logout", undefined, { token: person.token });
    expect((await me(wing, person.token)).status).toBe(401);
    expect(await closed).toBe(`session:${actor.session}`);
    expect(Date.now() - at).toBeLessThan(1_000);
    expect((await me(other, person.token)).status).toBe(401);
  });

  it.each([
    [
      "the member is removed",
      async (person: { userId: string }) =>
        wing.request("DELETE", `/api/workspaces/${workspace}/members/${person.userId}`, undefined, { token: owner.token }),
    ],
    [
      "the role is lowered",
      async (person: { userId: string }) =>
        wing.request("PATCH", `/api/workspaces/${workspace}/members/${person.userId}`, { role: "viewer" }, { token: owner.token }),
    ],
    [
      "the password is changed elsewhere",
      async (_: unknown, email: string) => {
        const session = (await wing.request("POST", "/api/auth/login", { email, password })).body.token;
        return await wing.request(
          "PATCH",
          "/api/auth/password",
          { currentPassword: password, newPassword: "another password" },
          { token: session },
        );
      },
    ],
  ])("[W3] live streams close within a second when %s", async (_name, change) => {
    const email = `w3-${Math.random().toString(36).slice(2)}@example.com`;
    const person = await aMember(wing, owner.token, workspace, email, "admin");
    const key = (
      await wing.request(
        "POST",
        `/api/workspaces/${workspace}/api-keys`,
        { label: "w3", scopes: ["workspaces:read"] },
        { token: person.token },
      )
    ).body.apiKey;
    const byName = { session: socket({ authorization: `Bearer ${person.token}` }), key: socket({ authorization: `Bearer ${key}` }) };
    const closing = await Promise.all(
      Object.values(byName).map(async (request) => {
        const actor = (await other.identity.accounts.resolveActor(request, peer))!;
        return { closed: new Promise<void>((resolve) => other.identity.accounts.whenRevoked(actor, () => resolve())) };
      }),
    );
    const answer = await change(person, email);
    expect(answer.status).toBe(200);
    const at = Date.now();
    await Promise.all(closing.map((one) => one.closed));
    expect(Date.now() - at).toBeLessThan(1_000);
  });

  it("[W3] a new local credential ends the one before, everywhere", async () => {
    const first = (await wing.identity.accounts.localCredential("home-1")).token;
    const elsewhere = (await wing.identity.accounts.localCredential("home-2")).token;
    const list = (from: Wing, token: string) => from.request("GET", "/api/workspaces", undefined, { token });
    expect((await list(other, first)).status).toBe(200);
    const second = (await wing.identity.accounts.localCredential("home-1")).token;
    expect((await list(wing, first)).status).toBe(401);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([(await list(other, first)).status, (await list(other, second)).status, (await list(other, elsewhere)).status]).toEqual([
      401, 200, 200,
    ]);
    expect(await wing.identity.accounts.isLocalCredential("home-1", second)).toBe(true);
    expect(await wing.identity.accounts.isLocalCredential("home-1", elsewhere)).toBe(false);
  });

  it("[W2] a ticket opens one socket, once, on any server, within thirty seconds, for whom it was made", async () => {
    const made = await wing.request("POST", "/api/auth/tickets", undefined, { token: owner.token });
    expect(made.status).toBe(201);
    const query = `?ticket=${made.body.ticket}`;
    expect(await other.identity.accounts.resolveActor({ ...socket({}, query), headers: { get: () => null } }, peer)).toBeNull();
    await expect(other.identity.accounts.resolveActor(socket({ origin: "https://evil.example" }, query), peer)).rejects.toMatchObject({
      code: "origin_refused",
    });
    const both = await Promise.all([wing, other].map((one) => one.identity.accounts.resolveActor(socket({ origin }, query), peer)));
    expect(both.filter((actor) => actor?.id === owner.userId)).toHaveLength(1);
    expect(await wing.identity.accounts.resolveActor(socket({ origin }, query), peer)).toBeNull();

    const person = await aMember(wing, owner.token, workspace, "ticket@example.com", "viewer");
    const lost = (await wing.request("POST", "/api/auth/tickets", undefined, { token: person.token })).body.ticket;
    await wing.request("POST", "/api/auth/logout", undefined, { token: person.token });
    expect(await wing.identity.accounts.resolveActor(socket({ origin }, `?ticket=${lost}`), peer)).toBeNull();

    let skew = 0;
    const late = await aWing(db.openStore(), { clock: { ...systemClock, now: () => Date.now() + skew } });
    const old = (await wing.request("POST", "/api/auth/tickets", undefined, { token: owner.token })).body.ticket;
    skew = 31_000;
    expect(await late.identity.accounts.resolveActor(socket({ origin }, `?ticket=${old}`), peer)).toBeNull();
    await late.close();
  });

  it("[W5] Cloudflare's word makes a member of the invited and of nobody else, and one person of two first requests", async () => {
    const team = await aTeam();
    const edge = await aWing(db.openStore(), { config: { cfAccess: { teamDomain, audience } }, outboundFetch: team.fetch });
    const as = async (email: string) => ({ headers: { "cf-access-jwt-assertion": await team.sign(email) } });
    const unknown = await edge.request("GET", "/api/workspaces", undefined, await as("stranger@example.com"));
    expect([unknown.status, unknown.body.code]).toEqual([403, "no_workspace"]);
    expect(unknown.body.error).toContain("stranger@example.com");
    expect((await edge.request("POST", "/api/workspaces", { name: "Mine" }, await as("stranger@example.com"))).body.code).toBe(
      "session_required",
    );

    await wing.request(
      "POST",
      `/api/workspaces/${workspace}/invitations`,
      { email: "edge@example.com", role: "editor" },
      { token: owner.token },
    );
    const both = await Promise.all(
      [as("edge@example.com"), as("edge@example.com")].map(async (call) => edge.request("GET", "/api/auth/me", undefined, await call)),
    );
    expect(both.map((one) => one.status)).toEqual([200, 200]);
    expect(new Set(both.map((one) => one.body.id)).size).toBe(1);
    expect(both[0]!.body.roles).toEqual({ [workspace]: "editor" });
    const foreignPage = await edge.request(
      "POST",
      "/api/workspaces",
      { name: "x" },
      { headers: { ...(await as("edge@example.com")).headers, origin: "https://evil.example" } },
    );
    expect([foreignPage.status, foreignPage.body.code]).toEqual([403, "origin_refused"]);
    await edge.close();
  });

  it("[N12] says in the open what it is, and admits nobody by a default", async () => {
    for (const [email, guess] of [
      ["admin@example.com", "admin"],
      ["admin@localhost", "password"],
      ["captain@example.com", "captain42"],
    ])
      expect((await wing.request("POST", "/api/auth/login", { email, password: guess })).status).toBe(
        email === "admin@localhost" ? 400 : 401,
      );
    expect((await wing.request("POST", "/api/auth/signup", { email: "n12@example.com", password })).body.code).toBe("SIGNUP_DISABLED");
    await expect(aWing(db.store, { config: { open: true, bindAddress: "0.0.0.0" } })).rejects.toMatchObject({
      code: "open_mode_needs_loopback",
    });
    await expect(aWing(db.store, { config: { secret: "short" } })).rejects.toMatchObject({ code: "secret_too_short" });
  });

  it("limits guesses by address and by account, across servers", async () => {
    const [one, two] = [await aWing(db.openStore(), { limiter: "real" }), await aWing(db.openStore(), { limiter: "real" })];
    const tryFrom = (from: Wing, remoteAddress: string) =>
      from.request("POST", "/api/auth/login", { email: "owner@example.com", password: "guess guess" }, { remoteAddress });
    const statuses: number[] = [];
    for (let index = 0; index < 14; index++) statuses.push((await tryFrom(index % 2 ? one : two, `203.0.113.${index}`)).status);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(11);
    expect(statuses.at(-1)).toBe(429);
    await Promise.all([one.close(), two.close()]);
  });

  it("asks every limit before the costly hash", async () => {
    const asked: string[] = [];
    const limiter = { take: async (rule: RateRule) => void asked.push(rule.name) };
    const limited = await aWing(db.openStore(), { limiter });
    await limited.request("POST", "/api/auth/login", { email: "owner@example.com", password });
    await limited.request("POST", "/api/auth/signup", { email: "x@example.com", password });
    await limited.request("POST", "/api/auth/claim", { email: "x@example.com", password, token: "A".repeat(43) });
    await limited.request("POST", "/api/invitations/preview", { token: "A".repeat(43) });
    await limited.request(
      "PATCH",
      "/api/auth/password",
      { currentPassword: "wrong one", newPassword: "another password" },
      { token: owner.token },
    );
    expect(asked.filter((name) => name !== "requests" && name !== "bad")).toEqual([
      "sign-in",
      "sign-in-account",
      "sign-up",
      "claim",
      "invitation",
      "password",
    ]);
    await limited.close();
  });

  it("a sign-in that dies before its commit leaves nothing, and its token opens nothing", async () => {
    const before = await snapshotOf(db.store);
    const broken = db.openStore();
    const dying = await aWing({
      ...broken,
      tables: (schema: string) => broken.tables(schema),
      batch: () => Promise.reject(new Error("the process dies here")),
    } as never);
    const answer = await dying.request("POST", "/api/auth/login", { email: "owner@example.com", password });
    expect(answer.status).toBe(500);
    expect(await snapshotOf(db.store)).toBe(before);
    await dying.close();
  });

  it("goes on verifying the audit trail under another secret, as long as the earlier one is named", async () => {
    await wing.identity.sealer.sealNow();
    const secret = "a later secret, also of 32 characters and more";
    const later = await aWing(db.openStore(), { config: { secret } });
    expect(await later.identity.audit.verify()).toMatchObject({ ok: false, firstBroken: { reason: "unknown_key" } });
    const knowing = await aWing(db.openStore(), { config: { secret, formerSecrets: ["a secret of this test, at least 32 characters"] } });
    expect(await knowing.identity.audit.verify()).toMatchObject({ ok: true });
    await Promise.all([later.close(), knowing.close()]);
  });
});
