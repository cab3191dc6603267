import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskingSink, secretsIn } from "./mask-output.ts";

function through(secrets: string[], chunks: string[]): string {
  let out = "";
  const masked = maskingSink((_, chunk) => (out += new TextDecoder().decode(chunk)), secrets);
  for (const chunk of chunks) masked.sink("stdout", new TextEncoder().encode(chunk));
  masked.flush();
  return out;
}

describe("[N4] output of builds", () => {
  it("hides credentials in addresses", () => {
    expect(through([], ["npm http fetch GET https://me:s3cr3t-token@registry.example.com/x 200\n"])).toBe(
      "npm http fetch GET https://[masked]@registry.example.com/x 200\n",
    );
    expect(through([], ["//registry.example.com/:_authToken=abcdef123456\n"])).toBe("//registry.example.com/:_authToken=[masked]\n");
  });

  it("hides the credentials of passed variables in plain, base64 and URL form", () => {
    const secrets = secretsIn({ REGISTRY: "https://me:s3cr%2Ft-token@registry.example.com", WORD: "plain-word" });
    const text = through(secrets, [`a s3cr/t-token b ${btoa("s3cr/t-token")} c ${encodeURIComponent("s3cr/t-token")}\n`]);
    expect(text).toBe("a [masked] b [masked] c [masked]\n");
  });

  it("hides a secret inside a longer base64 text, and the value of a variable that is named like a secret", () => {
    const secrets = secretsIn({ NPM_TOKEN: "t0ps3cr3t-of-npm", MODE: "production" });
    const header = btoa("x-access-token:t0ps3cr3t-of-npm");
    const out = through(secrets, [
      `Authorization: Basic ${header.slice(0, 25)}`,
      `${header.slice(25)}\n`,
      "in production t0ps3cr3t-of-npm\n",
    ]);
    expect(out).toMatch(/^Authorization: Basic \S*\[masked\]\S*\nin production \[masked\]\n$/);
    expect(out).not.toContain(btoa("t0ps3cr3t").slice(0, 8));
  });

  it("finds a secret wherever its chunks are cut", () => {
    const secret = "s3cr3t-token-of-length";
    const text = `before ${secret} after\nnext ${secret}`;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const chunks: string[] = [];
        let at = 0;
        for (let turn = 0; at < text.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          chunks.push(text.slice(at, at + size));
          at += size;
        }
        expect(through([secret], chunks)).toBe("before [masked] after\nnext [masked]");
      }),
    );
  });

  it("leaves everything else byte for byte, characters cut in two included", () => {
    const bytes = new TextEncoder().encode("grüße ✓\nzweite Zeile");
    let out = "";
    const masked = maskingSink((_, chunk) => (out += new TextDecoder().decode(chunk)), []);
    for (const byte of bytes) masked.sink("stderr", Uint8Array.of(byte));
    masked.flush();
    expect(out).toBe("grüße ✓\nzweite Zeile");
  });
});
