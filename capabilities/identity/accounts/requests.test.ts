import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSessionCookie, sessionCookie } from "./cookies.ts";
import { credentialsOf } from "./credentials-of.ts";
import { limitKeyOf } from "./limits.ts";
import { isLocalCaller, isOwnOrigin, requireOwnPage } from "./same-origin.ts";

const request = (headers: Record<string, string>, method = "GET", url = "http://127.0.0.1:8800/ws") => ({
  method,
  url,
  headers: { get: (name: string) => headers[name.toLowerCase()] ?? null },
});
const host = "127.0.0.1:8800";

describe("what a request is known by", () => {
  it("takes the explicit header before anything the browser adds", () => {
    expect(credentialsOf(request({ authorization: "Bearer abc", cookie: "norns=def" }), { isSecure: false })).toMatchObject({
      explicit: "abc",
      cookie: "def",
      isMalformed: false,
    });
    expect(credentialsOf(request({ "x-api-key": "abc", authorization: "bearer abc" }), { isSecure: false }).explicit).toBe("abc");
  });

  it("refuses two headers that name different callers", () => {
    expect(() => credentialsOf(request({ "x-api-key": "abc", authorization: "Bearer def" }), { isSecure: false })).toThrow(
      /different callers/,
    );
  });

  it("[W5] counts a header without a usable token as a bad credential, not as none", () => {
    for (const authorization of ["Bearer", "Bearer ", "Basic abc", "", "Bearer a b", "Token abc"])
      expect(credentialsOf(request({ authorization }), { isSecure: false }), authorization).toMatchObject({
        explicit: undefined,
        isMalformed: true,
      });
  });

  it("reads a ticket from the address of a socket only", () => {
    const url = "http://127.0.0.1:8800/ws?after=1&ticket=abc";
    expect(credentialsOf(request({}, "GET", url), { isSecure: false }).ticket).toBeUndefined();
    expect(credentialsOf(request({ upgrade: "WebSocket" }, "GET", url), { isSecure: false }).ticket).toBe("abc");
  });

  it("does not take a token from the address", () => {
    const url = "http://127.0.0.1:8800/api/apps?token=abc&access_token=abc&api_key=abc";
    expect(credentialsOf(request({}, "GET", url), { isSecure: false })).toMatchObject({ explicit: undefined, isMalformed: false });
  });

  it("takes the cookie that belongs to the scheme, and none when two were planted", () => {
    expect(readSessionCookie("a=1; norns=t; b=2", false)).toBe("t");
    expect(readSessionCookie("norns=planted", true)).toBeUndefined();
    expect(readSessionCookie("norns=planted; __Host-norns=t", true)).toBe("t");
    expect(readSessionCookie("norns=one; norns=two", false)).toBeUndefined();
    expect(sessionCookie("t", { isSecure: true, maxAgeSeconds: 5 })).toBe(
      "__Host-norns=t; Path=/; Max-Age=5; HttpOnly; SameSite=Strict; Secure",
    );
  });
});

describe("which page a browser acts for", () => {
  it("[W2] takes the same host and port as its own, and nothing that only looks alike", () => {
    for (const own of ["http://127.0.0.1:8800", "https://127.0.0.1:8800"]) expect(isOwnOrigin(own, host), own).toBe(true);
    for (const foreign of [
      "http://127.0.0.1",
      "http://127.0.0.1:3000",
      "http://localhost:8800",
      "http://shop.localhost:8800",
      "http://127.0.0.1:8800.evil.example",
      "http://127.0.0.1:8800@evil.example",
      "http://evil.example",
      "null",
      "",
      "file://",
      "http://127.0.0.1:8800/",
    ])
      expect(isOwnOrigin(foreign, host), foreign).toBe(false);
    expect(isOwnOrigin("https://norns.example.com", "norns.example.com")).toBe(true);
    expect(isOwnOrigin("https://shop.norns.example.com", "norns.example.com")).toBe(false);
  });

  it("[W2] never takes an origin for its own unless host and port are equal", () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.webAuthority(), (url, authority) => {
        const { origin, host: given } = new URL(url);
        if (isOwnOrigin(origin, authority)) expect(new URL(`${new URL(url).protocol}//${authority.toLowerCase()}`).host).toBe(given);
      }),
    );
  });

  it("[W2] lets a cookie write and open sockets only from its own page", () => {
    const own = { host, origin: "http://127.0.0.1:8800" };
    expect(() => requireOwnPage(request(own, "POST"), "cookie", false)).not.toThrow();
    expect(() => requireOwnPage(request({ host }, "GET"), "cookie", false)).not.toThrow();
    for (const [headers, method, isSocket] of [
      [{ host }, "POST", false],
      [{ host, origin: "http://127.0.0.1:3000" }, "DELETE", false],
      [{ host }, "GET", true],
      [{ host, origin: "http://shop.localhost:8800" }, "GET", true],
    ] as const)
      expect(() => requireOwnPage(request(headers, method), "cookie", isSocket)).toThrow(/page of this server/);
    // A program behind Cloudflare has no page; a browser always says something.
    expect(() => requireOwnPage(request({ host }, "POST"), "browser", false)).not.toThrow();
    expect(() => requireOwnPage(request({ host, "sec-fetch-site": "cross-site" }, "POST"), "browser", false)).toThrow();
  });

  it("[W7] opens open mode to callers of this machine only", () => {
    expect(isLocalCaller(request({ host }), "127.0.0.1")).toBe(true);
    expect(isLocalCaller(request({ host }), "::1")).toBe(true);
    expect(isLocalCaller(request({ host }), "192.168.0.5")).toBe(false);
    for (const headers of [
      { "x-forwarded-for": "127.0.0.1" },
      { forwarded: "for=127.0.0.1" },
      { "cf-connecting-ip": "127.0.0.1" },
      { "x-real-ip": "127.0.0.1" },
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
    ])
      expect(isLocalCaller(request({ host, ...headers }), "127.0.0.1"), JSON.stringify(headers)).toBe(false);
  });

  it("counts a whole IPv6 network as one caller", () => {
    expect(limitKeyOf("203.0.113.9")).toBe("203.0.113.9");
    expect(limitKeyOf("2001:db8:1:2:3:4:5:6")).toBe(limitKeyOf("2001:db8:1:2:ffff::1"));
    expect(limitKeyOf("2001:db8:1:2::1")).not.toBe(limitKeyOf("2001:db8:1:3::1"));
  });
});
