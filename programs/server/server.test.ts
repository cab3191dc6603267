/** The server as a person starts, stops, kills and restarts it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { request } from "node:http";
import { describe, expect, it, vi } from "vitest";
import { aStartedServer, processesOf, type StartedServer } from "./testing.ts";

const linkOf = (server: StartedServer): string | undefined => /Open this link once to make it yours: (\S+)/.exec(server.output())?.[1];

/** `fetch` does not let one set Host. */
const getAs = (server: StartedServer, host: string, path: string, more: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: server.port, path, headers: { host, ...more } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.once("error", reject);
    sent.end();
  });

// Each test starts a server, the longest four: with other work on the machine a start takes seconds.
vi.setConfig({ testTimeout: 120_000 });

describe("a started server", () => {
  it("is healthy, says where it is and prints the one-time link once, keeps its files to itself, and leaves nothing behind when told to stop", async () => {
    await using server = await aStartedServer();
    expect(await (await fetch(`${server.url}/api/health`)).json()).toMatchObject({
      status: "ok",
      services: { postgres: "up" },
      adapters: { database: "embedded", transport: "postgres", ingress: "builtin" },
    });
    expect(server.output()).toContain(`is ready: ${server.url}`);
    expect(server.output().split("Open this link once")).toHaveLength(2);
    for (const file of ["credential", "node", join("keys", "encryption"), join("keys", "jwt")])
      expect((await stat(join(server.home, file))).mode & 0o777).toBe(0o600);
    expect(await (await fetch(server.url)).text()).toContain("Everything works");

    expect(await server.stop()).toBe(0);
    expect(await processesOf(server.home)).toEqual([]);
  });

  it("[N12] lets nobody in without a credential, and the machine's own credential in", async () => {
    await using server = await aStartedServer();
    for (const path of ["/api/apps", "/api/operations", "/api/events", "/api/workspaces", "/metrics"]) {
      expect([path, (await fetch(server.url + path)).status]).toEqual([path, 401]);
      expect([path, (await server.fetch(path)).status]).toEqual([path, 200]);
      expect([path, (await server.fetch(path, { headers: { authorization: "Bearer wrong" } })).status]).toEqual([path, 401]);
    }
    expect(await (await server.fetch("/metrics")).text()).toMatch(
      /norns_http_request_duration_seconds_count\{method="GET",route="\/api\/apps",status="200"\} 1/,
    );
  });

  it("[W8] answers 421 for a name that is neither its own nor an app's", async () => {
    await using server = await aStartedServer();
    expect(await getAs(server, "evil.example", "/api/health")).toBe(421);
    expect(await getAs(server, "nothing.localhost", "/")).toBe(421);
    expect(await getAs(server, `localhost:${server.port}`, "/api/health")).toBe(200);
    // As `curl --http2` asks: the offer of another protocol is passed over, not refused.
    const h2c = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA" };
    expect(await getAs(server, `localhost:${server.port}`, "/api/health", h2c)).toBe(200);
  });

  it("keeps its link, its node and its credential over kill -9, and takes its own database over", async () => {
    await using first = await aStartedServer();
    const token = await first.token();
    const link = linkOf(first);
    first.child.kill("SIGKILL");
    await first.exited;

    await using second = await aStartedServer({ home: first.home });
    expect(await second.token()).toBe(token);
    expect((await second.fetch("/api/apps")).status).toBe(200);
    expect(linkOf(second)).not.toBe(undefined);
    expect(linkOf(second)).not.toBe(link);
    expect(await second.stop()).toBe(0);
    expect(await processesOf(first.home)).toEqual([]);
  });

  it("says what is wrong with its configuration and does not start", async () => {
    await expect(aStartedServer({ env: { NORNS_LEASE_MS: "soon" } })).rejects.toThrow(
      /NORNS_LEASE_MS is not a whole number: "soon". Example: NORNS_LEASE_MS=30000/,
    );
    await expect(aStartedServer({ args: ["--role", "boss"] })).rejects.toThrow(/--role is all, api or worker, not boss/);
  });

  it("refuses a second server on the same home, and a port that is taken, with a sentence each", async () => {
    await using server = await aStartedServer();
    await expect(aStartedServer({ home: server.home })).rejects.toThrow(/norns: .*another/i);
    expect((await server.fetch("/api/apps")).status).toBe(200);
    await using _other = await aStartedServer().then(async (other) => {
      await expect(aStartedServer({ env: { NORNS_PORT: String(other.port) } })).rejects.toThrow(/Port \d+ of 127.0.0.1 is taken/);
      return other;
    });
  });

  it("refuses a database that was made with another encryption key", async () => {
    await using first = await aStartedServer();
    await first.stop();
    await expect(aStartedServer({ home: first.home, env: { ENCRYPTION_KEY: "ab".repeat(32) } })).rejects.toThrow(
      /ENCRYPTION_KEY is not the one/,
    );
  });
});
