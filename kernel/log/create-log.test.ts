import { describe, expect, it } from "vitest";
import { createLog, createMask, type LogOptions } from "./index.ts";

const linesOf = (of: Partial<LogOptions>, use: (log: ReturnType<typeof createLog>) => void): string[] => {
  const lines: string[] = [];
  use(createLog({ level: "info", format: "json", mask: createMask(), write: (line) => lines.push(line), now: () => 0, ...of }));
  return lines;
};

describe("the log", () => {
  it("writes one JSON line with the bound fields", () => {
    expect(linesOf({}, (log) => log.child({ requestId: "req_1" }).info({ status: 200 }, "GET / 200"))).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"GET / 200","requestId":"req_1","status":200}\n',
    ]);
  });

  it("leaves out what is below its level", () => {
    expect(linesOf({ level: "warn" }, (log) => (log.info({}, "no"), log.warn({}, "yes")))).toHaveLength(1);
  });

  it("[N4] masks a secret in every form and place: field, message, error, cause, base64, URL, JSON", () => {
    const secret = 'p"ss w/rd+ü-1234567';
    const text = linesOf({ mask: createMask([secret]) }, (log) => {
      log.error(
        { note: secret, error: new Error(`failed with ${secret}`, { cause: new Error(encodeURIComponent(secret)) }) },
        Buffer.from(secret).toString("base64"),
      );
      log.info({ url: "postgres://user:hunter2@db/x", authorization: "Bearer abc" }, JSON.stringify({ a: secret }));
    }).join("");
    expect(text).not.toMatch(/ss w|ss%20w|hunter2|Bearer abc/);
    expect(text).not.toContain(Buffer.from(secret).toString("base64").replace(/=+$/, ""));
    expect(text).toContain("[masked]");
  });

  it("[I9] lets no terminal sequence through in text form, and keeps an error's stack and cause", () => {
    const [line = ""] = linesOf({ format: "text" }, (log) =>
      log.warn({ error: new Error("a\x1b]52;c;x\x07", { cause: new Error("deeper") }) }, "title\x1b]0;x\x07"),
    );
    expect(line).not.toContain("\x1b");
    expect(line).toContain("Caused by: Error: deeper");
  });

  it("[N4] shows no field with a secret's name, in either format", () => {
    for (const format of ["json", "text"] as const) {
      const text = linesOf({ format }, (log) =>
        log.info({ authorization: "Bearer abc", clientSecret: "abc", body: { DATABASE_PASSWORD: "abc", tokens: 3 } }, "x"),
      ).join("");
      expect(text).not.toContain("abc");
      expect(text).toContain('"tokens":3');
    }
  });

  it("survives circles and big numbers", () => {
    const circle: Record<string, unknown> = { n: 1n };
    circle["self"] = circle;
    expect(linesOf({}, (log) => log.info({ circle }, "x"))[0]).toContain("[seen above]");
  });
});
