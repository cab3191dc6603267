/** A team of Cloudflare Access with keys of its own: signs tokens as the edge does, and tokens as an attacker would. */
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";

export const teamDomain = "acme.cloudflareaccess.com";
export const audience = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";

export interface Signing {
  readonly key?: CryptoKey | Uint8Array;
  readonly kid?: string;
  readonly alg?: string;
  readonly claims?: JWTPayload;
  readonly expiresIn?: string | number;
  readonly issuer?: string;
  readonly audience?: string;
}

export async function aTeam() {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const other = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" };
  let asked = 0;
  let isAway = false;
  const keys = [jwk];

  return {
    jwk,
    strangersKey: other.privateKey,
    /** What the guarded fetch answers for the team's keys. */
    fetch: async (url: string): Promise<Response> => {
      asked += 1;
      if (isAway) throw new Error("unreachable");
      if (url !== `https://${teamDomain}/cdn-cgi/access/certs`) return new Response("not found", { status: 404 });
      return Response.json({ keys });
    },
    get asked() {
      return asked;
    },
    goAway(away = true) {
      isAway = away;
    },
    /** The team gets a second key, as Cloudflare rotates. */
    async rotate() {
      const next = await generateKeyPair("RS256", { extractable: true });
      keys.push({ ...(await exportJWK(next.publicKey)), kid: "two", alg: "RS256", use: "sig" });
      return next.privateKey;
    },
    sign: (email: string | undefined, of: Signing = {}): Promise<string> =>
      new SignJWT({ ...(email === undefined ? {} : { email }), ...of.claims })
        .setProtectedHeader({ alg: of.alg ?? "RS256", kid: of.kid ?? "one" })
        .setIssuedAt()
        .setIssuer(of.issuer ?? `https://${teamDomain}`)
        .setAudience(of.audience ?? audience)
        .setExpirationTime(of.expiresIn ?? "5m")
        .sign(of.key ?? privateKey),
  };
}
export type Team = Awaited<ReturnType<typeof aTeam>>;
