import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { documentConfiguration, loadConfig } from "./index.ts";

const faultsOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("The configuration was accepted.");
};

describe("configuration", () => {
  it("has a usable default for everything", () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      port: 8800,
      bindAddress: "127.0.0.1",
      auth: "closed",
      leaseMs: 30_000,
      allowedOrigins: [],
      warnings: [],
    });
    expect(config.secrets).toEqual({
      databaseUrl: undefined,
      encryptionKey: undefined,
      earlierEncryptionKeys: undefined,
      jwtSecret: undefined,
      earlierJwtSecrets: undefined,
      inviteSecret: undefined,
      apiToken: undefined,
      gitToken: undefined,
    });
  });

  it("takes a seed's name and the canonical one, and counts an empty variable as not set", () => {
    expect(loadConfig({ NORN_PORT: "9000" }).port).toBe(9000);
    expect(loadConfig({ NORNS_PORT: "9001", NORN_PORT: "" }).port).toBe(9001);
    expect(loadConfig({ NORNS_PORT: "9001", NORN_PORT: "9001" }).port).toBe(9001);
  });

  it("refuses an alias and the canonical name with different values, naming both and no value", () => {
    const text = faultsOf({ DATABASE_URL: "postgres://a:first@x/y", NORNS_DATABASE_URL: "postgres://a:second@x/y" });
    expect(text).toContain("NORNS_DATABASE_URL and DATABASE_URL are the same setting");
    expect(text).not.toMatch(/first|second/);
  });

  it("tells every fault at once, each with the variable as it was given, what was wrong, and an example", () => {
    const text = faultsOf({
      NORN_PORT: "eighty",
      NORNS_LEASE_MS: "10",
      NORNS_AUTH: "closd",
      NORNS_TRUSTED_PROXIES: "10.0.0.0/33",
      NORNS_PUBLIC_URL: "norns.example.com",
      JWT_SECRET: "short",
    });
    expect(
      text
        .split("\n")
        .slice(1)
        .map((line) => line.trim()),
    ).toEqual([
      '- NORN_PORT is not a whole number: "eighty". Example: NORN_PORT=8800',
      "- NORNS_PUBLIC_URL is not an address (URL). Example: NORNS_PUBLIC_URL=https://norns.example.com",
      '- NORNS_TRUSTED_PROXIES holds "10.0.0.0/33", which is not an address or a network in CIDR form. Example: NORNS_TRUSTED_PROXIES=10.0.0.0/8,127.0.0.1',
      "- JWT_SECRET is too short: it needs at least 32 characters. Example: JWT_SECRET=$(openssl rand -base64 32)",
      '- NORNS_AUTH is "closd", and must be closed or open. Example: NORNS_AUTH=open',
      "- NORNS_LEASE_MS is 10, and must be from 500 to 600000. Example: NORNS_LEASE_MS=30000",
    ]);
  });

  it("[N12] refuses open mode on anything but a loopback address", () => {
    for (const address of ["0.0.0.0", "::", "10.0.0.1", "127.evil.example.com"])
      expect(faultsOf({ NORNS_AUTH: "open", NORNS_BIND_ADDR: address })).toContain("NORNS_AUTH=open lets everyone in");
    for (const address of ["localhost", "127.0.0.2", "::1"])
      expect(loadConfig({ NORNS_AUTH: "open", NORNS_BIND_ADDR: address }).auth).toBe("open");
    expect(loadConfig({ NORNS_AUTH: "open" }).auth).toBe("open");
    expect(loadConfig({}).auth).toBe("closed");
  });

  it("refuses an API token that no header carries, and does not repeat it", () => {
    for (const token of ["sixteen letters and spaces", "sixteen-letters-and-a-break\n", "sixteen-letters-and-ü"])
      expect(faultsOf({ NORN_API_TOKEN: token })).toMatch(/^(?!.*sixteen).*NORN_API_TOKEN holds a space, a line break/s);
    expect(loadConfig({ NORN_API_TOKEN: "sixteen-letters-and-more" }).secrets.apiToken?.reveal()).toBe("sixteen-letters-and-more");
  });

  it("never shows a secret, however the configuration is printed", () => {
    const config = loadConfig({
      ENCRYPTION_KEY: "k".repeat(43),
      DATABASE_URL: "postgres://u:hunter2@db/x",
      NORN_API_TOKEN: "t".repeat(32),
    });
    const shown = `${JSON.stringify(config)} ${inspect(config, { depth: 10, showHidden: true })} ${String(config.secrets.apiToken)}`;
    expect(shown).not.toMatch(/kkkk|hunter2|tttt/);
    expect(config.secrets.databaseUrl?.reveal()).toBe("postgres://u:hunter2@db/x");
  });

  it("warns of a misspelt variable with the nearest name, and not of the command line's own", () => {
    expect(loadConfig({ NORNS_PROT: "1", NORNS_URL: "http://x", NORNS_TOKEN: "x" }).warnings).toEqual([
      "NORNS_PROT is not a variable that Norns knows; did you mean NORNS_PORT?",
    ]);
  });

  it("is documented in docs/configuration.md as it is", async () => {
    expect(await readFile(new URL("../../docs/configuration.md", import.meta.url), "utf8")).toBe(documentConfiguration());
  });
});
