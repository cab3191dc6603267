import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNetworks, refusalOf } from "./addresses.ts";
import { createOutbound } from "./index.ts";

async function aServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const open = createOutbound({ allowedNetworks: ["127.0.0.0/8"] });
const closed = createOutbound({ allowedNetworks: [] });
const refused = { code: "address_refused", kind: "invalid" };

describe("[N1] addresses", () => {
  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "168.63.129.16",
    "::",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "fec0::1",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "0177.0.0.1",
    "",
    "127.0.0.1 ",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
  ])("refuses %j", (address) => {
    expect(refusalOf(address, [])).toBeDefined();
  });

  it.each(["1.1.1.1", "8.8.8.8", "140.82.112.3", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"])(
    "takes %j",
    (address) => {
      expect(refusalOf(address, [])).toBeUndefined();
    },
  );

  it("opens exactly the networks named, in every dress of their addresses", () => {
    const allowed = parseNetworks(["10.1.0.0/16", "fd00::/64", "192.168.7.7"]);
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd00::5", "192.168.7.7"]) expect(refusalOf(address, allowed)).toBeUndefined();
    for (const address of ["10.2.0.1", "127.0.0.1", "fd00:1::5", "192.168.7.8", "::1"]) expect(refusalOf(address, allowed)).toBeDefined();
    for (const text of ["10.0.0.0/33", "localhost", "", "10.0.0/8", "*"])
      expect(() => parseNetworks([text])).toThrow(expect.objectContaining({ code: "network_invalid" }));
  });

  it("judges a mapped address as the one inside, whichever it is", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(refusalOf(`::ffff:${address}`, [])).toBe(refusalOf(address, []));
      }),
    );
  });
});

describe("[N1] requests", () => {
  it("refuse every spelling of a private address in a URL", async () => {
    for (const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "127.1",
      "0",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "①②⑦.0.0.1",
      "127。0。0。1",
      "localhost",
      "LOCALHOST",
    ]) {
      await expect(closed.fetch(`http://${host}:1/`), host).rejects.toMatchObject(refused);
    }
  });

  it("refuse what is no http address, and user names in one", async () => {
    for (const url of [
      "file:///etc/passwd",
      "ftp://example.com/",
      "gopher://x/",
      "data:text/plain,x",
      "javascript:1",
      "x",
      "",
      "http://user@example.com/",
      "http://example.com@127.0.0.1/",
      "http://:p@example.com/",
    ]) {
      await expect(closed.fetch(url), url).rejects.toMatchObject({ code: "url_refused" });
    }
  });

  it("refuse a name with one private address among public ones", async () => {
    const outbound = createOutbound({ allowedNetworks: [], resolve: async () => ["1.1.1.1", "10.0.0.1"] });
    await expect(outbound.fetch("http://mixed.example/")).rejects.toMatchObject(refused);
    await expect(outbound.pin("mixed.example")).rejects.toMatchObject(refused);
  });

  it("connect to the address that was judged, though the name answers another the next time", async () => {
    await using server = await aServer((_request, response) => response.end("reached"));
    let asked = 0;
    // First 127.0.0.2 (allowed here, nobody there), from then on the server's address (allowed too: only pinning can tell).
    const outbound = createOutbound({
      allowedNetworks: ["127.0.0.0/8"],
      resolve: async () => (asked++ === 0 ? ["127.0.0.2"] : ["127.0.0.1"]),
    });
    await expect(outbound.fetch(`http://rebind.example:${server.port}/`)).rejects.toMatchObject({ code: "outbound_failed" });
    expect(asked).toBe(1);
    expect(server.requests).toHaveLength(0);
    expect(await (await outbound.fetch(`http://rebind.example:${server.port}/`)).text()).toBe("reached");
    expect(server.requests[0]!.headers.host).toBe(`rebind.example:${server.port}`);
  });

  it("judge each redirect anew: to loopback by number, by name, and by another protocol", async () => {
    for (const location of [
      "http://127.0.0.1:1/admin",
      "http://inside.example/",
      "//[::1]/x",
      "http://2852039166/latest/meta-data",
      "file:///etc/passwd",
      "http://u:p@1.1.1.1/",
    ]) {
      await using server = await aServer((_request, response) => response.writeHead(302, { location }).end());
      const outbound = createOutbound({
        allowedNetworks: ["127.0.0.9/32"],
        resolve: async (name) => (name === "inside.example" ? ["192.168.0.1"] : ["127.0.0.9"]),
      });
      // The server listens on 127.0.0.1; all of 127/8 is one machine, but only 127.0.0.9 may be called, so bind is checked first.
      await expect(outbound.fetch(`${server.url}/`)).rejects.toMatchObject(refused);
      const viaAllowed = createOutbound({
        allowedNetworks: ["127.0.0.1/32"],
        resolve: async (name) => (name === "inside.example" ? ["192.168.0.1"] : ["127.0.0.1"]),
      });
      const thrown = await viaAllowed.fetch(`http://public.example:${server.port}/`).then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
      // To the allowed machine itself nothing listens on port 1: a refused connection, not a way round.
      expect(thrown, location).toMatch(/address_refused|url_refused|outbound_failed/);
      expect(server.requests).toHaveLength(1);
    }
  });

  it("carry no credential, and no header of the caller's own, to another origin", async () => {
    await using second = await aServer((_request, response) => response.end("second"));
    await using first = await aServer((_request, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${second.port}/` }).end(),
    );
    await open.fetch(first.url, {
      method: "POST",
      body: "x",
      headers: { Authorization: "Bearer t", Cookie: "c=1", "X-Hub-Signature-256": "s", "Content-Type": "text/plain" },
    });
    expect(first.requests[0]!.headers).toMatchObject({ authorization: "Bearer t" });
    expect(second.requests[0]!.headers).toMatchObject({ "content-type": "text/plain" });
    for (const name of ["authorization", "cookie", "x-hub-signature-256"]) expect(second.requests[0]!.headers).not.toHaveProperty(name);
  });

  it("end after five redirects", async () => {
    await using server = await aServer((request, response) => response.writeHead(302, { location: `${request.url}x` }).end());
    await expect(open.fetch(server.url)).rejects.toMatchObject({ code: "outbound_failed" });
    expect(server.requests).toHaveLength(6);
    expect((await open.fetch(server.url, { redirects: 0 })).status).toBe(302);
  });

  it("end when the answer is too long, too late, or given up on", async () => {
    await using large = await aServer((_request, response) => response.end(Buffer.alloc(100_000)));
    await expect(open.fetch(large.url, { maxBytes: 99_999 })).rejects.toMatchObject({ code: "outbound_too_large" });
    expect((await (await open.fetch(large.url, { maxBytes: 100_000 })).arrayBuffer()).byteLength).toBe(100_000);
    await using silent = await aServer(() => {});
    await expect(open.fetch(silent.url, { timeoutMs: 100 })).rejects.toMatchObject({ code: "outbound_timed_out", kind: "unavailable" });
    await using drip = await aServer((_request, response) => void response.writeHead(200).write("x"));
    await expect(open.fetch(drip.url, { timeoutMs: 100 })).rejects.toMatchObject({ code: "outbound_timed_out" });
    await expect(open.fetch(silent.url, { signal: AbortSignal.abort(new Error("gave up")) })).rejects.toThrow("gave up");
    const never = createOutbound({ allowedNetworks: [], resolve: () => new Promise(() => {}) });
    await expect(never.fetch("http://slow-name.example/", { timeoutMs: 100 })).rejects.toMatchObject({ code: "outbound_timed_out" });
  });

  it("go directly, whatever proxy the environment names", async () => {
    await using proxy = await aServer((_request, response) => response.end("proxy"));
    await using server = await aServer((_request, response) => response.end("direct"));
    const before = { ...process.env };
    try {
      Object.assign(process.env, { HTTP_PROXY: proxy.url, http_proxy: proxy.url, NODE_USE_ENV_PROXY: "1" });
      expect(await (await open.fetch(server.url)).text()).toBe("direct");
      expect(proxy.requests).toHaveLength(0);
    } finally {
      process.env = before;
    }
  });

  it("send what they are given", async () => {
    await using server = await aServer((request, response) =>
      request.pipe(response.writeHead(201, { "x-method": request.method!, "set-cookie": ["a=1", "b=2"] })),
    );
    const answer = await open.fetch(`${server.url}/p?q=1`, { method: "post", body: "{}" });
    expect([answer.status, answer.headers.get("x-method"), await answer.text(), answer.headers.getSetCookie()]).toEqual([
      201,
      "POST",
      "{}",
      ["a=1", "b=2"],
    ]);
    expect(server.requests[0]!.url).toBe("/p?q=1");
  });

  it("say that a name has no address", async () => {
    await expect(closed.fetch("http://no-such-name.invalid/")).rejects.toMatchObject({ code: "address_unknown", kind: "unavailable" });
  });
});
