import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import type { IdentityConfig } from "./index.ts";
import { allIdentityMigrations, aWing, claimed, type Call, type Wing } from "./fixtures.ts";
import { aTeam, audience, teamDomain, type Team } from "./truth/cloudflare.ts";
import { binds, credentials, modes, outcomeOf, type Credential, type Mode, type Outcome } from "./truth/table.ts";

const apiToken = "the-installations-own-api-token-long-enough";
const configOf: Record<Mode, Partial<IdentityConfig>> = {
  closed: {},
  "api token": { apiToken },
  "Cloudflare Access": { cfAccess: { teamDomain, audience } },
  open: { open: true },
  "all but open": { apiToken, cfAccess: { teamDomain, audience } },
};

describe.each([true, false])("the truth table, claimed: %s", (isClaimed) => {
  let db: TestDatabase;
  let team: Team;
  let given: Partial<Record<Credential, () => Promise<Call>>>;
  let count = 0;
  const wings: Wing[] = [];

  beforeAll(async () => {
    db = await aDatabase(allIdentityMigrations, { poolSize: 4 });
    team = await aTeam();
    const wing = await aWing(db.store);
    wings.push(wing);
    const local = (await wing.identity.accounts.localCredential("this-home")).token;
    const cf = (token: string): Call => ({ headers: { "cf-access-jwt-assertion": token } });
    given = {
      nothing: async () => ({}),
      NORN_API_TOKEN: async () => ({ token: apiToken }),
      "a wrong bearer token": async () => ({ token: `${apiToken}!` }),
      "NORNS_HOME/credential": async () => ({ token: local }),
      "Cloudflare: somebody unknown": async () => cf(await team.sign("unknown@example.com")),
      "Cloudflare: forged, foreign or expired": async () => cf(await team.sign("owner@example.com", { key: team.strangersKey })),
      "nothing, from a page of another origin": async () => ({
        headers: { origin: "http://127.0.0.1:3000", "sec-fetch-site": "same-site" },
      }),
      "nothing, through a proxy": async () => ({ headers: { "x-forwarded-for": "203.0.113.9" } }),
    };
    if (!isClaimed) return;
    const owner = await claimed(wing);
    const workspace = await wing.identity.workspaces.defaultWorkspace();
    const key = (
      await wing.request(
        "POST",
        `/api/workspaces/${workspace}/api-keys`,
        { label: "k", scopes: ["workspaces:read"] },
        { token: owner.token },
      )
    ).body.apiKey;
    given = {
      ...given,
      "a session, as bearer": async () => ({ token: owner.token }),
      "a session's cookie": async () => ({ cookie: `norns=${owner.token}` }),
      "an API key": async () => ({ token: key }),
      "Cloudflare: a member": async () => cf(await team.sign("owner@example.com")),
      "Cloudflare: somebody invited": async () => {
        const email = `invited-${++count}@example.com`;
        await wing.request("POST", `/api/workspaces/${workspace}/invitations`, { email, role: "viewer" }, { token: owner.token });
        return cf(await team.sign(email));
      },
    };
  });
  afterAll(async () => {
    await Promise.all(wings.map((wing) => wing.close()));
    await db.close();
  });

  describe.each(binds)("on %s", (bind) => {
    it.each(modes)("answers as written in mode: %s", async (mode) => {
      const bindAddress = bind === "loopback" ? "127.0.0.1" : "0.0.0.0";
      const start = () => aWing(db.store, { config: { ...configOf[mode], bindAddress }, outboundFetch: team.fetch });
      if (mode === "open" && bind === "public") {
        await expect(start()).rejects.toMatchObject({ code: "open_mode_needs_loopback" });
        expect(credentials.map((credential) => outcomeOf(mode, isClaimed, bind, credential))).toEqual(credentials.map(() => "no start"));
        return;
      }
      const wing = await start();
      wings.push(wing);
      const found: Record<string, Outcome> = {};
      const written: Record<string, Outcome> = {};
      for (const credential of credentials) {
        const call = given[credential];
        written[credential] = outcomeOf(mode, isClaimed, bind, credential);
        found[credential] = call ? await outcome(wing, await call()) : "cannot be";
      }
      expect(found).toEqual(written);
    });
  });
});

async function outcome(wing: Wing, call: Call): Promise<Outcome> {
  const { status, body } = await wing.request("GET", "/api/workspaces", undefined, call);
  if (status === 200) return body.find((workspace: { slug: string }) => workspace.slug === "default").role as Outcome;
  return (status === 401 ? 401 : `${status} ${body.code}`) as Outcome;
}
