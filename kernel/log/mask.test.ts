import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMask } from "./index.ts";

const secret = 'S3cr"t/päss+wörd&x';
const inPieces = (mask: ReturnType<typeof createMask>, pieces: readonly (string | Uint8Array)[]): string => {
  const stream = mask.stream();
  return pieces.map((piece) => stream.write(piece)).join("") + stream.end();
};

describe("the mask", () => {
  it("[N4] finds a secret in the encodings of other programs", () => {
    const mask = createMask([secret]);
    const escaped = [
      secret,
      Buffer.from(`x-access-token:${secret}`).toString("base64"),
      Buffer.from(`a:${secret}:tail`).toString("base64url"),
      Buffer.from(`ab:${secret}:tail`).toString("base64"),
      encodeURIComponent(secret),
      encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
      new URLSearchParams({ p: secret }).toString(),
      JSON.stringify({ secret }),
      JSON.stringify({ text: JSON.stringify({ secret }) }),
    ];
    for (const text of escaped) expect(mask.apply(`before ${text} after`), text).toContain("[masked]");
    expect(mask.apply("nothing to see")).toBe("nothing to see");
  });

  it("[N4] masks each line of a key", () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"A1b2C3d4".repeat(8)}\n${"Z9y8X7w6".repeat(4)}\n-----END PRIVATE KEY-----\n`;
    expect(createMask([key]).apply(`line: ${"Z9y8X7w6".repeat(4)}`)).toBe("line: [masked]");
  });

  it("[N4] finds a secret cut at any place, in text and in bytes", () => {
    const mask = createMask([secret, "another-secret", "another-secret-that-is-longer"]);
    const text = `one ${secret} two another-secret-that-is-longer three another-secret four https://me:pw@host/x https://t0ken@host _authToken = npm_1 "Bearer a1b2c3d4e5" end`;
    const bytes = Buffer.from(text);
    const expected = mask.apply(text);
    for (let cut = 0; cut <= text.length; cut++) expect(inPieces(mask, [text.slice(0, cut), text.slice(cut)])).toBe(expected);
    for (let cut = 0; cut <= bytes.length; cut++) expect(inPieces(mask, [bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(expected);
    expect(inPieces(mask, [...text])).toBe(expected);
  });

  it("[N4] gives the same in pieces as in one, whatever the secrets", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 6, maxLength: 9 });
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 3 }),
        fc.array(fc.oneof(letters, fc.string({ unit: fc.constantFrom("a", "b", "c", " ") }))),
        (secrets, pieces) => {
          const mask = createMask(secrets);
          const given = inPieces(mask, pieces);
          expect(given).toBe(mask.apply(pieces.join("")));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("[N4] masks what stands where credentials stand, and no sentence", () => {
    const mask = createMask();
    expect(mask.apply("fetch https://ghp_1234@host/x")).toBe("fetch https://[masked]@host/x");
    expect(mask.apply("//host/:_authToken=abc\n_password = x")).toBe("//host/:_authToken=[masked]\n_password = [masked]");
    expect(mask.apply('{"a":"Bearer abc123defg"}')).toBe('{"a":"Bearer [masked]"}');
    expect(mask.apply("Send a bearer credential.")).toBe("Send a bearer credential.");
  });

  it("holds back nothing of a line that has ended", () => {
    const stream = createMask([secret]).stream();
    expect(stream.write("building…\n")).toBe("building…\n");
  });
});
