/** Where a token goes: to the address that it belongs to, and nowhere else. */
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, keepLogin, type Environment } from "./connection.ts";
import { sendJson } from "./http.ts";

const nothing = { url: undefined, token: undefined };
let home: string;
let environment: Environment;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "norns-cli-"));
  environment = { NORNS_HOME: home, XDG_CONFIG_HOME: join(home, "config") };
  await mkdir(join(home, "config"));
  await writeFile(join(home, "credential"), JSON.stringify({ url: "http://127.0.0.1:8800", token: "of this machine" }));
  keepLogin(environment, { url: "https://norns.example.com", token: "of norns.example.com" });
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** What listens, and the Authorization headers that it has seen. */
async function aListener(answer: (host: string) => Record<string, string> = () => ({})) {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    const headers = answer(request.headers.host!);
    response.writeHead("location" in headers ? 307 : 200, headers).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe("a kept token", () => {
  it("[W6] belongs to one scheme, host and port: any other address gets none", () => {
    const tokenFor = (url: string) => connect({ ...nothing, url }, environment).token;
    expect(connect(nothing, environment)).toMatchObject({ url: "http://127.0.0.1:8800", token: "of this machine" });
    expect(tokenFor("http://localhost:8800")).toBe("of this machine");
    expect(tokenFor("https://norns.example.com/")).toBe("of norns.example.com");
    for (const other of [
      "http://127.0.0.1:8801",
      "https://127.0.0.1:8800",
      "http://evil.example:8800",
      "http://127.0.0.1.evil.example:8800",
      "http://hello.localhost:8800",
      "http://norns.example.com",
      "https://norns.example.com:8443",
      "https://norns.example.com.evil.example",
      "https://norns.example.com@evil.example",
      "https://evil.example/?https://norns.example.com",
    ])
      expect([other, tokenFor(other)]).toEqual([other, undefined]);
    expect(connect(nothing, { ...environment, NORNS_URL: "http://evil.example:8800" }).token).toBeUndefined();
  });

  it("[W6] goes to no other address that a path or an answer names", async () => {
    await using evil = await aListener();
    await using server = await aListener(() => ({ location: `${evil.url}/api/apps` }));
    const connection = { url: server.url, token: "secret", from: "a test" };
    await expect(sendJson(connection, { method: "GET", path: "/api/apps" })).rejects.toThrow();
    for (const path of [`${evil.url}/api/apps`, `//${new URL(evil.url).host}/api/apps`, `\\\\${new URL(evil.url).host}/api/apps`])
      await expect(sendJson(connection, { method: "GET", path })).rejects.toThrow(/another address/);
    expect(evil.seen).toEqual([]);
    expect(server.seen).toEqual(["Bearer secret"]);
  });

  it("[N5] is kept in a file that nobody else may read", async () => {
    expect((await stat(join(home, "config/norns/cli.json"))).mode & 0o777).toBe(0o600);
  });
});
