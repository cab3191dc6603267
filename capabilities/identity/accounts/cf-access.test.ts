import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "@norns/kernel/clock";
import { aTeam, audience, teamDomain, type Team } from "../truth/cloudflare.ts";
import { createCfAccess, type CfAccess } from "./cf-access.ts";

describe("Cloudflare Access", () => {
  let team: Team;
  let access: CfAccess;
  let skew = 0;
  beforeEach(async () => {
    team = await aTeam();
    skew = 0;
    access = createCfAccess({ teamDomain, audience, fetch: team.fetch, clock: { ...systemClock, now: () => Date.now() + skew } });
  });

  it("[W5] believes a token only when signature, issuer, audience and expiry all hold", async () => {
    expect(await access.verify(await team.sign("Owner@Example.com"))).toMatchObject({ email: "owner@example.com" });
    const bad = {
      "another key under the same name": team.sign("a@example.com", { key: team.strangersKey }),
      "another audience": team.sign("a@example.com", { audience: "another application" }),
      "another team": team.sign("a@example.com", { issuer: "https://evil.cloudflareaccess.com" }),
      "an issuer that only begins alike": team.sign("a@example.com", { issuer: `https://${teamDomain}.evil.example` }),
      expired: team.sign("a@example.com", { expiresIn: "-1s" }),
      "no address": team.sign(undefined),
      "an address that is no text": team.sign(undefined, { claims: { email: ["a@example.com"] } }),
      "the public key as a shared secret": team.sign("a@example.com", {
        alg: "HS256",
        key: new TextEncoder().encode(JSON.stringify(team.jwk)),
      }),
    };
    for (const [name, token] of Object.entries(bad)) expect(await access.verify(await token), name).toBeNull();
    const [head, body, signature] = (await team.sign("a@example.com")).split(".") as [string, string, string];
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object;
    for (const token of [
      `${encode({ alg: "none" })}.${body}.`,
      `${head}.${encode({ ...claims, email: "owner@example.com" })}.${signature}`,
      `${head}.${body}`,
      `${head}.${body}.`,
      "not a token",
      "..",
      `${"x".repeat(9_000)}.a.b`,
    ])
      expect(await access.verify(token), token.slice(0, 40)).toBeNull();
  });

  it("asks for the keys once, again for an unknown key, and not for every forged one", async () => {
    await Promise.all(Array.from({ length: 20 }, async () => access.verify(await team.sign("a@example.com"))));
    expect(team.asked).toBe(1);
    const next = await team.rotate();
    skew += 31_000;
    expect(await access.verify(await team.sign("a@example.com", { key: next, kid: "two" }))).not.toBeNull();
    expect(team.asked).toBe(2);
    for (let index = 0; index < 20; index++)
      expect(await access.verify(await team.sign("a@example.com", { kid: `forged-${index}` }))).toBeNull();
    expect(team.asked).toBe(2);
  });

  it("says so when the keys cannot be had, and goes on with the ones it has", async () => {
    team.goAway();
    await expect(access.verify(await team.sign("a@example.com"))).rejects.toMatchObject({
      kind: "unavailable",
      code: "cf_access_unreachable",
    });
    team.goAway(false);
    expect(await access.verify(await team.sign("a@example.com"))).not.toBeNull();
    team.goAway();
    skew += 20 * 60_000;
    expect(await access.verify(await team.sign("a@example.com", { expiresIn: "1h" }))).not.toBeNull();
  });
});
