import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterSetCookie, ownCookies, withoutOwnCookies } from "./cookies.ts";
import { requestHeaders, responseHeaders, withoutTickets, type ControlPlane } from "./headers.ts";

const isOwn = ownCookies(["norns", "better-auth.*"]);
const control: ControlPlane = {
  isOwnCookie: isOwn,
  hostnames: ["localhost", "norns.example.com"],
  isTicket: (value) => value.startsWith("tkt_"),
};

describe("cookies", () => {
  it("of the control plane do not reach an app, under any of their names", () => {
    expect(withoutOwnCookies("a=1; norns=s; __Host-norns=s; __Secure-norns=s; NORNS=s; better-auth.session_token=s; b=2", isOwn)).toBe(
      "a=1;  b=2".replace("  ", " "),
    );
    expect(withoutOwnCookies("norns=s", isOwn)).toBeUndefined();
  });

  it("are never forwarded by any spelling around the name", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom("norns", "a", "__Host-norns", "better-auth.x"),
            fc.constantFrom("", " ", "\t", "  "),
            fc.stringMatching(/^[a-z0-9]{0,5}$/),
          ),
        ),
        (cookies) => {
          const header = cookies.map(([name, space, value]) => `${space}${name}${space}=${value}`).join(";");
          const kept = withoutOwnCookies(header, isOwn) ?? "";
          expect(kept).not.toMatch(/norns|better-auth/);
          expect(kept.match(/a\s*=/g)?.length ?? 0).toBe(cookies.filter(([name]) => name === "a").length);
        },
      ),
    );
  });

  it("of an app cannot take a name of ours or reach our host", () => {
    const filter = (text: string) => filterSetCookie(text, isOwn, control.hostnames);
    expect(filter("norns=evil; Path=/")).toBeUndefined();
    expect(filter("  __Host-norns = evil; Path=/; Secure")).toBeUndefined();
    expect(filter("=norns=evil")).toBeUndefined();
    expect(filter("norns")).toBeUndefined();
    expect(filter("a=1; Domain=localhost; Path=/")).toBe("a=1; Path=/");
    expect(filter("a=1; domain=.Example.com")).toBe("a=1");
    expect(filter("a=1; DOMAIN = norns.example.com; HttpOnly")).toBe("a=1; HttpOnly");
    expect(filter("a=1; Domain=com")).toBe("a=1");
    expect(filter("a=1; Domain=")).toBe("a=1");
    expect(filter("a=1; Domain=shop.example.com; Path=/")).toBe("a=1; Domain=shop.example.com; Path=/");
  });
});

describe("headers", () => {
  const client = { address: "10.0.0.9", isEncrypted: false, isTrustedProxy: false };

  it("of one connection stay on it, and repeated ones stay repeated", () => {
    const raw = [
      "Host",
      "h",
      "Connection",
      "keep-alive, X-Mine",
      "X-Mine",
      "1",
      "Keep-Alive",
      "5",
      "TE",
      "trailers",
      "Upgrade",
      "h2c",
      "Accept",
      "a",
      "accept",
      "b",
      "Proxy-Authorization",
      "x",
    ];
    expect(requestHeaders(raw, client, control)).toEqual([
      "Host",
      "h",
      "Accept",
      "a",
      "accept",
      "b",
      "X-Forwarded-For",
      "10.0.0.9",
      "X-Forwarded-Proto",
      "http",
      "X-Forwarded-Host",
      "h",
    ]);
  });

  it("that say who the visitor is are ours alone", () => {
    const raw = [
      "Host",
      "h",
      "X-Forwarded-For",
      "1.1.1.1",
      "x-forwarded-proto",
      "https",
      "X-Forwarded-Port",
      "1",
      "Forwarded",
      "for=1",
      "X-Real-IP",
      "1",
    ];
    expect(requestHeaders(raw, client, control).join(" ")).not.toMatch(/1\.1\.1\.1|https|Port|Forwarded for=|Real/);
  });

  it("of an answer lose what would clear the control plane's cookies", () => {
    const raw = [
      "Set-Cookie",
      "a=1",
      "Set-Cookie",
      "norns=x",
      "Clear-Site-Data",
      '"cookies"',
      "Transfer-Encoding",
      "chunked",
      "Content-Type",
      "text/plain",
    ];
    expect(responseHeaders(raw, "hello.localhost", control)).toEqual(["Set-Cookie", "a=1", "Content-Type", "text/plain"]);
    expect(responseHeaders(raw, "shop.other.org", control)).toContain("Clear-Site-Data");
  });

  it("leave a query as it is but for tickets of ours", () => {
    expect(withoutTickets("/a?ticket=tkt_1&b=%20&ticket=ST-1", control.isTicket)).toBe("/a?b=%20&ticket=ST-1");
    expect(withoutTickets("/a?ticket=tkt_1", control.isTicket)).toBe("/a");
    expect(withoutTickets("/ticket?x", control.isTicket)).toBe("/ticket?x");
  });
});
