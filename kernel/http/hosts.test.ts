import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createControlPlaneHosts, parseHost } from "./hosts.ts";

describe("a Host header", () => {
  it("[W8] is a plain host or nothing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40, unit: "binary" }), (text) => {
        const host = parseHost(text);
        if (host) expect(host.name).toMatch(/^([0-9a-f:]*:[0-9a-f:.]*|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)$/);
      }),
    );
    for (const text of [
      "",
      ".",
      "a..b",
      "a b",
      "a:b",
      "a,b",
      "a@b",
      "-a.localhost",
      "localhost:65536",
      "localhost:",
      "[::1",
      "::1",
      "[1.2.3.4]",
      "[:::]",
      "a\0",
    ])
      expect(parseHost(text), text).toBeUndefined();
    expect(parseHost(`${"a".repeat(64)}.localhost`)).toBeUndefined();
    expect(parseHost(`${"a.".repeat(127)}a`)).toBeUndefined();
  });

  it("[W8] has one form, whatever the case, the port, the final dot and the way an address is written", () => {
    expect(parseHost("Shop.Example.COM.:443")).toEqual({ name: "shop.example.com", port: "443" });
    expect(parseHost("localhost")).toEqual({ name: "localhost", port: "" });
    expect(parseHost("[::1]:8800")).toEqual({ name: "::1", port: "8800" });
    expect(parseHost("[0:0:0:0:0:0:0:1]")?.name).toBe("::1");
    expect(parseHost("[::ffff:127.0.0.1]")?.name).toBe("127.0.0.1");
  });

  it("[W8] is ours when it is loopback, the public name or the bound address, and otherwise not", () => {
    const hosts = createControlPlaneHosts({ publicUrl: new URL("https://norns.example.com"), bindAddress: "10.0.0.5" });
    for (const ours of ["localhost:1", "127.0.0.1", "[::1]:8800", "NORNS.example.com.", "10.0.0.5:8800"])
      expect(hosts.has(parseHost(ours)!), ours).toBe(true);
    for (const other of ["127.1", "0x7f.1", "2130706433", "localhost.evil.example", "0.0.0.0", "evil.norns.example.com"])
      expect(hosts.has(parseHost(other)!), other).toBe(false);
  });
});
