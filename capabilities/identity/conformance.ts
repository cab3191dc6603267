/** What the identity wing does, the same on every store. Run by a test file for each. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "@norns/kernel/database";
import { aMember, aWing, claimToken, origin, password, type Wing } from "./fixtures.ts";

export interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

/** `open` gives an empty database with all identity migrations. */
export function describeIdentity(name: string, open: () => Promise<OpenedStore>): void {
  describe(`identity on ${name}`, () => {
    let opened: OpenedStore;
    let wing: Wing;
    let owner: { token: string; userId: string };
    let workspace: string;

    beforeAll(async () => {
      opened = await open();
      wing = await aWing(opened.store);
    });
    afterAll(async () => {
      await wing?.close();
      await opened?.close();
    });

    it("makes workspace default once, however many servers start", async () => {
      const ids = await Promise.all([wing.identity.workspaces.ensureDefault(), wing.identity.workspaces.ensureDefault()]);
      expect(new Set(ids).size).toBe(1);
      workspace = ids[0];
    });

    it("[N12] closes sign-up before the claim and has no account to begin with", async () => {
      const status = await wing.request("GET", "/api/auth/bootstrap-status");
      expect(status.body).toMatchObject({ needsFirstAdmin: true, signupEnabled: false });
      expect((await wing.request("POST", "/api/auth/signup", { email: "first@example.com", password })).body).toMatchObject({
        code: "not_claimed",
      });
      expect((await wing.request("POST", "/api/auth/sign-up/email", { email: "first@example.com", password, name: "x" })).status).toBe(403);
      expect((await wing.request("POST", "/api/auth/login", { email: "admin@example.com", password: "admin" })).status).toBe(401);
      expect((await wing.request("GET", "/api/workspaces")).status).toBe(401);
    });

    it("is claimed by the link and by nothing else, once", async () => {
      const earlier = await wing.identity.accounts.claimLink();
      const link = await wing.identity.accounts.claimLink();
      expect(link).toMatch(/^http:\/\/127\.0\.0\.1:8800\/claim#[A-Za-z0-9_-]{43}$/);
      const person = { email: "Owner@Example.com", password, name: "Olga" };
      const guess = await wing.request("POST", "/api/auth/claim", { ...person, token: "x".repeat(43) });
      expect([guess.status, guess.body.code]).toEqual([403, "not_the_link"]);

      const tries = await Promise.all([
        wing.request("POST", "/api/auth/claim", { ...person, token: claimToken(link) }),
        wing.request("POST", "/api/auth/claim", { ...person, email: "rival@example.com", token: claimToken(earlier) }),
      ]);
      expect(tries.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
      const won = tries.find((one) => one.status === 201)!;
      owner = { token: won.body.token, userId: won.body.user.id };
      expect(won.body.user.role).toBe("admin");
      expect(await wing.identity.accounts.claimLink()).toBeNull();
      expect(
        (await wing.request("POST", "/api/auth/claim", { ...person, email: "late@example.com", token: claimToken(link) })).status,
      ).toBe(409);
      // The one who lost left nothing behind.
      const members = await wing.request("GET", `/api/workspaces/${workspace}/members`, undefined, { token: owner.token });
      expect(members.body).toHaveLength(1);
      expect(members.body[0]).toMatchObject({ userId: owner.userId, role: "owner" });
    });

    it("signs in with a token and a cookie, and tells one refusal for a wrong address and a wrong password", async () => {
      const { email } = (await wing.request("GET", "/api/auth/me", undefined, { token: owner.token })).body;
      const answer = await wing.request("POST", "/api/auth/login", { email: email.toUpperCase(), password });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("set-cookie")).toMatch(/^norns=[A-Za-z0-9]{32}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
      const me = await wing.request("GET", "/api/auth/me", undefined, { cookie: answer.cookie });
      expect(me.body).toMatchObject({ email, via: "session", homeWorkspace: workspace, roles: { [workspace]: "owner" } });
      const refusals = await Promise.all([
        wing.request("POST", "/api/auth/login", { email, password: "not the password" }),
        wing.request("POST", "/api/auth/login", { email: "nobody@example.com", password }),
      ]);
      expect(refusals.map((one) => [one.status, one.body.code, one.body.error])).toEqual([
        [401, "wrong_credentials", "The address or the password is wrong."],
        [401, "wrong_credentials", "The address or the password is wrong."],
      ]);
    });

    it("lists sessions, ends one at once and all others with the password", async () => {
      const member = await aMember(wing, owner.token, workspace, "sam@example.com", "editor");
      const second = (await wing.request("POST", "/api/auth/login", { email: "sam@example.com", password })).body.token;
      const third = (await wing.request("POST", "/api/auth/login", { email: "sam@example.com", password })).body.token;
      const sessions = await wing.request("GET", "/api/auth/sessions", undefined, { token: second });
      expect(sessions.body).toHaveLength(3);
      expect(sessions.body.filter((one: { current: boolean }) => one.current)).toHaveLength(1);
      expect(JSON.stringify(sessions.body)).not.toContain(second);

      const other = (await wing.request("GET", "/api/auth/sessions", undefined, { token: third })).body.find(
        (one: { current: boolean }) => one.current,
      ).id;
      expect((await wing.request("DELETE", `/api/auth/sessions/${other}`, undefined, { token: owner.token })).status).toBe(404);
      expect((await wing.request("DELETE", `/api/auth/sessions/${other}`, undefined, { token: second })).status).toBe(200);
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: third })).status).toBe(401);

      const wrong = await wing.request(
        "PATCH",
        "/api/auth/password",
        { currentPassword: "wrong", newPassword: "another good one" },
        { token: second },
      );
      expect(wrong.status).toBe(401);
      const changed = await wing.request(
        "PATCH",
        "/api/auth/password",
        { currentPassword: password, newPassword: "another good one" },
        { token: second },
      );
      expect(changed.status).toBe(200);
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: second })).status).toBe(200);
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: member.token })).status).toBe(401);
      expect((await wing.request("POST", "/api/auth/login", { email: "sam@example.com", password })).status).toBe(401);
      expect((await wing.request("POST", "/api/auth/login", { email: "sam@example.com", password: "another good one" })).status).toBe(200);

      expect((await wing.request("POST", "/api/auth/logout", undefined, { token: second })).headers.get("set-cookie")).toContain(
        "Max-Age=0",
      );
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: second })).status).toBe(401);
    });

    it("answers Better Auth's own paths with the session, and changes a profile with a trace", async () => {
      expect((await wing.request("GET", "/api/auth/get-session")).body).toBeNull();
      const session = await wing.request("GET", "/api/auth/get-session", undefined, { token: owner.token });
      expect(session.body).toMatchObject({ session: { userId: owner.userId, token: owner.token }, user: { id: owner.userId } });
      const changed = await wing.request("POST", "/api/auth/update-user", { name: "Olga the First" }, { token: owner.token });
      expect(changed.status).toBe(200);
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: owner.token })).body.name).toBe("Olga the First");
      const trail = await wing.request("GET", "/api/audit?action=accounts.updateProfile", undefined, { token: owner.token });
      expect(trail.body[0]).toMatchObject({ actor: { id: owner.userId }, before: { name: "Olga" }, after: { name: "Olga the First" } });
      expect((await wing.request("POST", "/api/auth/delete-user", {}, { token: owner.token })).status).toBe(404);
      expect((await wing.request("GET", "/api/auth/list-accounts", undefined, { token: owner.token })).status).toBe(404);
    });

    it("invites by a link that is told once, and lets only the invited address in, once", async () => {
      const invited = await wing.request(
        "POST",
        `/api/workspaces/${workspace}/invitations`,
        { email: "Vera@Example.com", role: "viewer" },
        { token: owner.token },
      );
      expect(invited.status).toBe(201);
      const { token, id } = invited.body;
      expect(invited.body.link).toBe(`${origin}/invitation#${token}`);
      const list = await wing.request("GET", `/api/workspaces/${workspace}/invitations`, undefined, { token: owner.token });
      expect(list.body.find((one: { id: string }) => one.id === id)).toMatchObject({
        email: "vera@example.com",
        role: "viewer",
        status: "pending",
      });
      expect(JSON.stringify(list.body)).not.toContain(token);

      expect((await wing.request("POST", "/api/auth/signup", { email: "eve@example.com", password, invitation: token })).body.code).toBe(
        "invitation_for_another",
      );
      expect((await wing.request("POST", "/api/auth/signup", { email: "eve@example.com", password })).body.code).toBe("SIGNUP_DISABLED");
      expect((await wing.request("POST", "/api/invitations/accept", { token }, { token: owner.token })).body.code).toBe(
        "invitation_for_another",
      );
      expect((await wing.request("POST", "/api/invitations/preview", { token })).body.invitation).toEqual({
        email: "vera@example.com",
        role: "viewer",
        workspaceName: "Default",
        hasAccount: false,
      });

      const joined = await wing.request("POST", "/api/auth/signup", {
        email: "vera@example.com",
        password,
        name: "Vera",
        invitation: token,
      });
      expect(joined.status).toBe(201);
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: joined.body.token })).body.roles).toEqual({
        [workspace]: "viewer",
      });
      expect((await wing.request("POST", "/api/invitations/accept", { token }, { token: joined.body.token })).status).toBe(404);
      expect((await wing.request("POST", "/api/invitations/preview", { token })).body.invitation).toBeNull();
      expect((await wing.request("POST", "/api/auth/signup", { email: "vera@example.com", password, invitation: token })).status).toBe(404);
    });

    it("takes an invitation back, and of a revocation and an acceptance at once exactly one holds", async () => {
      const invited = await wing.request(
        "POST",
        `/api/workspaces/${workspace}/invitations`,
        { email: "rob@example.com", role: "editor" },
        { token: owner.token },
      );
      const path = `/api/workspaces/${workspace}/invitations/${invited.body.id}`;
      const [revoked, accepted] = await Promise.all([
        wing.request("DELETE", path, undefined, { token: owner.token }),
        wing.request("POST", "/api/auth/signup", { email: "rob@example.com", password, invitation: invited.body.token }),
      ]);
      const members = (await wing.request("GET", `/api/workspaces/${workspace}/members`, undefined, { token: owner.token })).body as {
        email: string;
      }[];
      const isMember = members.some((member) => member.email === "rob@example.com");
      expect(isMember).toBe(accepted.status === 201);
      expect([revoked.status, accepted.status]).toEqual(isMember ? [409, 201] : [200, 404]);
    });

    it("keeps workspaces apart: another's is 404, whoever asks", async () => {
      const made = await wing.request("POST", "/api/workspaces", { name: "Acme & Söhne" }, { token: owner.token });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({ name: "Acme & Söhne", role: "owner" });
      expect(made.body.slug).toMatch(/^acme-sohne-[a-z0-9]{6}$/);
      const vera = (await wing.request("POST", "/api/auth/login", { email: "vera@example.com", password })).body.token;
      for (const path of [
        `/api/workspaces/${made.body.id}`,
        `/api/workspaces/${made.body.id}/members`,
        `/api/workspaces/${made.body.id}/api-keys`,
      ])
        expect((await wing.request("GET", path, undefined, { token: vera })).status, path).toBe(404);
      for (const named of [made.body.id, made.body.slug])
        expect(
          (await wing.request("GET", "/api/workspaces", undefined, { token: vera, headers: { "x-norns-workspace": named } })).status,
          named,
        ).toBe(404);
      expect(
        (await wing.request("GET", "/api/workspaces", undefined, { token: owner.token, headers: { "x-norns-workspace": made.body.slug } }))
          .body,
      ).toHaveLength(2);

      const renamed = await wing.request("PATCH", `/api/workspaces/${made.body.id}`, { name: "Acme" }, { token: owner.token });
      expect(renamed.body.name).toBe("Acme");
      expect((await wing.request("DELETE", `/api/workspaces/${workspace}`, undefined, { token: owner.token })).body.code).toBe(
        "default_workspace",
      );
      expect((await wing.request("DELETE", `/api/workspaces/${made.body.id}`, undefined, { token: owner.token })).status).toBe(200);
      expect((await wing.request("GET", `/api/workspaces/${made.body.id}`, undefined, { token: owner.token })).status).toBe(404);
    });

    it("lets nobody give more than they have, and keeps a last owner", async () => {
      const admin = await aMember(wing, owner.token, workspace, "ada@example.com", "admin");
      const editor = await aMember(wing, owner.token, workspace, "ed@example.com", "editor");
      const member = (id: string) => `/api/workspaces/${workspace}/members/${id}`;
      const change = (who: { token: string }, whom: string, role: string) =>
        wing.request("PATCH", member(whom), { role }, { token: who.token });
      expect((await change(admin, editor.userId, "owner")).body.code).toBe("above_own_role");
      expect((await change(admin, admin.userId, "owner")).body.code).toBe("above_own_role");
      expect((await change(admin, owner.userId, "viewer")).body.code).toBe("member_above_own_role");
      expect((await wing.request("DELETE", member(owner.userId), undefined, { token: admin.token })).body.code).toBe(
        "member_above_own_role",
      );
      expect(
        (
          await wing.request(
            "POST",
            `/api/workspaces/${workspace}/invitations`,
            { email: "x@example.com", role: "owner" },
            { token: owner.token },
          )
        ).status,
      ).toBe(400);
      expect((await change(editor, editor.userId, "admin")).body.code).toBe("role_required");
      expect((await change(owner, owner.userId, "admin")).body.code).toBe("last_owner");
      expect((await wing.request("DELETE", member(owner.userId), undefined, { token: owner.token })).body.code).toBe("last_owner");

      expect((await change(owner, admin.userId, "owner")).status).toBe(200);
      // Two owners who step down at once: one stays.
      const both = await Promise.all([change(owner, owner.userId, "admin"), change(admin, admin.userId, "admin")]);
      expect(both.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
      const members = (await wing.request("GET", `/api/workspaces/${workspace}/members`, undefined, { token: owner.token })).body as {
        role: string;
        userId: string;
      }[];
      expect(members.filter((one) => one.role === "owner")).toHaveLength(1);
      const left = members.find((one) => one.role === "owner")!.userId === owner.userId ? owner : admin;
      if (left === admin) await change(admin, owner.userId, "owner");
      expect((await change(owner, admin.userId, "admin")).status).toBe(200);
    });

    it("makes keys that are told once, hold their scopes, and end when revoked or expired", async () => {
      const keys = `/api/workspaces/${workspace}/api-keys`;
      const made = await wing.request(
        "POST",
        keys,
        { label: "ci", scopes: ["workspaces:read", "apps:read"], expiresAt: null },
        { token: owner.token },
      );
      expect(made.status).toBe(201);
      const { apiKey, id } = made.body;
      expect(apiKey).toMatch(/^nora_[A-Za-z0-9_-]{43}$/);
      expect(made.body.prefix).toBe(apiKey.slice(0, 18));
      const list = await wing.request("GET", keys, undefined, { token: owner.token });
      expect(list.body.find((one: { id: string }) => one.id === id)).toMatchObject({
        label: "ci",
        scopes: ["apps:read", "workspaces:read"],
        revoked_at: null,
      });
      expect(JSON.stringify(list.body)).not.toContain(apiKey);

      for (const headers of [{ authorization: `Bearer ${apiKey}` }, { "x-api-key": apiKey }, { "x-nora-api-key": apiKey }])
        expect((await wing.request("GET", "/api/workspaces", undefined, { headers })).body).toHaveLength(1);
      expect((await wing.request("GET", keys, undefined, { token: apiKey })).body.code).toBe("session_required");
      expect((await wing.request("POST", keys, { label: "child", scopes: ["apps:read"] }, { token: apiKey })).body.code).toBe(
        "session_required",
      );
      expect((await wing.request("GET", "/api/audit", undefined, { token: apiKey })).body.code).toBe("missing_scope");
      expect((await wing.request("GET", "/api/auth/me", undefined, { token: apiKey })).body.code).toBe("session_required");
      expect(
        (await wing.request("POST", keys, { label: "old", scopes: ["apps:read"], expiresAt: Date.now() - 1 }, { token: owner.token })).body
          .code,
      ).toBe("expired_key");
      expect((await wing.request("POST", keys, { label: "odd", scopes: ["admin:write"] }, { token: owner.token })).status).toBe(400);
      expect((await wing.request("GET", `${keys}/scopes`, undefined, { token: owner.token })).body).toContain("agents:read");

      const soon = await wing.request(
        "POST",
        keys,
        { label: "soon", scopes: ["workspaces:read"], expiresAt: Date.now() + 600 },
        { token: owner.token },
      );
      expect((await wing.request("GET", "/api/workspaces", undefined, { token: soon.body.apiKey })).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 650));
      expect((await wing.request("GET", "/api/workspaces", undefined, { token: soon.body.apiKey })).status).toBe(401);

      expect((await wing.request("DELETE", `${keys}/${id}`, undefined, { token: owner.token })).status).toBe(200);
      expect((await wing.request("GET", "/api/workspaces", undefined, { token: apiKey })).status).toBe(401);
    });

    it("lowers a key with its maker and ends it with the maker's membership", async () => {
      const maker = await aMember(wing, owner.token, workspace, "mia@example.com", "admin");
      const key = (
        await wing.request(
          "POST",
          `/api/workspaces/${workspace}/api-keys`,
          { label: "mia", scopes: ["workspaces:read"] },
          { token: maker.token },
        )
      ).body.apiKey;
      const roleOfKey = async () => (await wing.request("GET", "/api/workspaces", undefined, { token: key })).body[0]?.role;
      expect(await roleOfKey()).toBe("editor");
      await wing.request("PATCH", `/api/workspaces/${workspace}/members/${maker.userId}`, { role: "viewer" }, { token: owner.token });
      expect(await roleOfKey()).toBe("viewer");
      await wing.request("DELETE", `/api/workspaces/${workspace}/members/${maker.userId}`, undefined, { token: owner.token });
      expect((await wing.request("GET", "/api/workspaces", undefined, { token: key })).status).toBe(401);
      const refused = await wing.request("GET", "/api/workspaces", undefined, { token: maker.token });
      expect([refused.status, refused.body.code]).toEqual([403, "no_workspace"]);
    });

    it("chains the trail, verifies it, pages it and exports it", async () => {
      await Promise.all([wing.identity.sealer.sealNow(), wing.identity.sealer.sealNow(), wing.identity.sealer.sealNow()]);
      const verified = await wing.request("GET", "/api/audit/verify", undefined, { token: owner.token });
      expect(verified.body).toMatchObject({ ok: true, unsealed: 0, firstBroken: null });
      expect(verified.body.checked).toBeGreaterThan(20);

      const seen: string[] = [];
      let path: string | undefined = "/api/audit?limit=7";
      while (path) {
        const page = await wing.request("GET", path, undefined, { token: owner.token });
        seen.push(...page.body.map((row: { id: string }) => row.id));
        path = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
      }
      expect(new Set(seen).size).toBe(seen.length);
      const csv = await wing.request("GET", "/api/audit?format=csv", undefined, { token: owner.token });
      expect(csv.headers.get("content-type")).toContain("text/csv");
      expect(csv.body.trim().split("\r\n")).toHaveLength(seen.length + 1);
      expect(JSON.stringify(csv.body)).not.toMatch(/nora_[A-Za-z0-9]|scrypt\$/);
    });
  });
}
