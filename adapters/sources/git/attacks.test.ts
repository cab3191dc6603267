import { execFile } from "node:child_process";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { toTokens } from "./connection.ts";
import { aFolder, aGitServer, aListeningLog, anApp, aRepository, someSources } from "./fixtures.ts";
import { toRemote } from "./location.ts";
import { checkRef } from "./ref.ts";

const signal = AbortSignal.timeout(60_000);
const git = (url: string, branch = "main") => ({ kind: "git", url, branch }) as const;

describe("refs that are no refs", () => {
  it.each([
    "-",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x",
    "$(touch x)",
    "`touch x`",
    "a b",
    "a\nb",
    "a\tb",
    "a\0b",
    "a\u001b[31m",
    "..",
    "a..b",
    "main@{1}",
    "@{-1}",
    "@",
    "HEAD~1",
    "HEAD^",
    "main:path",
    "a;b",
    "a&b",
    "a|b",
    "a>b",
    "a'b",
    'a"b',
    "a\\b",
    "a*",
    "a?",
    "[a]",
    "refs/",
    "refs/heads",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a.lock",
    "a.",
    "",
    "x".repeat(251),
    "refs/norns/keep/x",
    "a\u2028b",
  ])("[I1] [I2] refuses %j before git sees it", (ref) => {
    expect(() => checkRef(ref)).toThrow(expect.objectContaining({ code: "ref_invalid", kind: "invalid" }));
  });

  it("takes the names that people use", () => {
    for (const ref of [
      "HEAD",
      "main",
      "feature/x_1.2",
      "v1.2.3-rc.1+build",
      "refs/heads/main",
      "größe",
      "fix/#12",
      "a=b",
      "user@host",
      "deadbee",
    ])
      expect(checkRef(ref)).toBe(ref);
  });
});

describe("addresses that are no repositories", () => {
  it.each([
    "ext::sh -c 'touch /tmp/x'",
    "EXT::sh -c x",
    "Ext::x",
    "fd::3",
    "file:///etc",
    "FILE:///etc",
    "/etc",
    "./app",
    "../app",
    "git://host/x",
    "ftp://host/x",
    "http::https://x",
    "--upload-pack=x",
    "-oProxyCommand=x@host:x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://-oProxyCommand=x@host/x",
    "ssh://user@-oProxyCommand=x/x",
    "git@-oProxyCommand=x:y",
    "ssh://host/-x",
    "ssh://host/$(touch x)",
    "ssh://host/`x`",
    "https://host/a b",
    "https://host/a'b",
    "https://host",
    "https://host/",
    "https://host/x?service=y",
    "https://host/x#y",
    "https://localhost./x",
    "https://.host/x",
    "ssh://host/%24(x)",
    "ssh://host/%2dx",
    "ssh://host/../x",
    "ssh://ho$(x)st/y",
    "ssh://host\n/x",
    "https://",
    "",
    "x".repeat(3000),
    "git@host:x;y",
    "C:\\x",
    "javascript:alert(1)",
    "transport::address",
  ])("[I2] refuses %j", (url) => {
    expect(() => toRemote(url)).toThrow(expect.objectContaining({ code: "repository_refused", kind: "invalid" }));
  });

  it("[N4] refuses an address that carries a credential, without repeating it", () => {
    for (const url of ["https://user:hunter2@host/x", "https://hunter2@host/x", "ssh://git:hunter2@host/x"]) {
      expect(() => toRemote(url)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("hunter2") }));
    }
  });

  it("gives one repository one text", () => {
    expect(toRemote("https://GitHub.com/Owner/App.git/").url).toBe("https://github.com/Owner/App.git");
    expect(toRemote("https://github.com:443/a/b").url).toBe("https://github.com/a/b");
    expect(toRemote("git@github.com:owner/app.git")).toEqual({
      protocol: "ssh",
      url: "ssh://git@github.com/owner/app.git",
      hostname: "github.com",
      port: 22,
      shown: "ssh://github.com/owner/app.git",
    });
    expect(toRemote("ssh://git@host.example:2222/~me/app")).toMatchObject({ hostname: "host.example", port: 2222 });
    expect(toRemote("https://[::1]:8080/x")).toMatchObject({ hostname: "::1", port: 8080 });
  });

  it("[N1] reaches no private address, by number or by name, unless it is allowed", async () => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"), { allowedNetworks: [] });
    for (const url of [
      "https://127.0.0.1/x",
      "https://2130706433/x",
      "https://0x7f.1/x",
      "https://localhost/x",
      "https://[::ffff:127.0.0.1]/x",
      "https://169.254.169.254/x",
      "ssh://git@127.0.0.1/x",
      "git@10.0.0.1:x",
    ]) {
      await expect(sources.resolve(anApp, git(url), "HEAD", signal), url).rejects.toMatchObject({
        kind: "invalid",
        code: expect.stringMatching(/address_refused|repository_refused/),
      });
    }
  });

  it("refuses plain http to another machine even where its network is allowed", async () => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"), { allowedNetworks: ["192.0.2.0/24"] });
    await expect(sources.resolve(anApp, git("http://192.0.2.1/x"), "HEAD", signal)).rejects.toThrow(/plain http/);
  });

  it("[N1] follows no redirect", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    await using real = await aGitServer(join(folder.path, "repos"));
    await using server = await aGitServer(join(folder.path, "repos"), (request, response) => {
      response.writeHead(302, { location: `${real.url}${request.url}` }).end();
      return true;
    });
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal)).rejects.toMatchObject({
      code: "repository_refused",
      message: expect.stringContaining("redirects"),
    });
    expect(real.requests).toHaveLength(0);
  });

  it("says that there is no repository, and that a server is away", async () => {
    await using folder = await aFolder();
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, git(`${server.url}/nothing`), "HEAD", signal)).rejects.toMatchObject({
      code: "repository_refused",
      kind: "invalid",
    });
    await expect(sources.resolve(anApp, git("http://127.0.0.1:1/x"), "HEAD", signal)).rejects.toMatchObject({
      code: "repository_unreachable",
      kind: "unavailable",
    });
  });
});

describe("repositories that never answer", () => {
  async function aSilentServer(): Promise<{ url: string; sockets: Set<Socket> } & AsyncDisposable> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => void sockets.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app`,
      sockets,
      [Symbol.asyncDispose]: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        }),
    };
  }

  it("end with an error that says so, and leave no process", async () => {
    await using folder = await aFolder();
    await using server = await aSilentServer();
    const sources = someSources(join(folder.path, "home"), { limits: { silenceMs: 500 } });
    await expect(sources.resolve(anApp, git(server.url), "HEAD", signal)).rejects.toMatchObject({
      code: "repository_unreachable",
      message: expect.stringContaining("did not answer"),
    });
    expect(await processesNaming(server.url)).toEqual([]);
  });

  it("end at once when the caller gives up, helpers and all, even while another waits for the same mirror", async () => {
    await using folder = await aFolder();
    await using server = await aSilentServer();
    const sources = someSources(join(folder.path, "home"));
    const one = new AbortController();
    const two = new AbortController();
    const first = sources.resolve(anApp, git(server.url), "HEAD", one.signal);
    const second = sources.resolve(anApp, git(server.url), "HEAD", two.signal);
    while (server.sockets.size === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await processesNaming(server.url)).length).toBeGreaterThan(1);
    two.abort(new Error("second gave up"));
    await expect(second).rejects.toThrow("second gave up");
    one.abort(new Error("first gave up"));
    await expect(first).rejects.toThrow("first gave up");
    await gone(() => processesNaming(server.url));
  });

  it("end when they send more than may be kept", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await repository.commit({
      large: Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))),
      large2: Buffer.concat(Array.from({ length: 400 }, () => crypto.getRandomValues(new Uint8Array(65_536)))),
    });
    await using server = await aGitServer(join(folder.path, "repos"));
    const small = someSources(join(folder.path, "home"), { limits: { bytes: 1_000_000 } });
    const source = await small.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    await expect(small.checkOut(anApp, source, join(folder.path, "out"), signal)).rejects.toMatchObject({
      code: "source_refused",
      message: expect.stringContaining("larger"),
    });
  });
});

describe("tokens", () => {
  const token = "s3cr3t-t0k3n+/=";
  const basic = Buffer.from(`x-access-token:${token}`).toString("base64");

  it("[N4] reach the server and nothing else: not argv, not the disk, not the log, not an error", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    const seenArgv: string[] = [];
    let isAccepted = true;
    await using server = await aGitServer(join(folder.path, "repos"), async (request, response) => {
      if (isAccepted && request.headers.authorization === `Basic ${basic}`) {
        // While git waits for this answer, look at every process of the machine as another user would.
        seenArgv.push(...(await allArgv()));
        return false;
      }
      response.writeHead(401, { "www-authenticate": `Basic realm="${token}"` }).end(`wrong token ${token}`);
      return true;
    });
    const host = new URL(server.url).host;
    const log = aListeningLog();
    const sources = someSources(join(folder.path, "home"), { gitToken: `${host}=${token}`, log });
    const source = await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(seenArgv.length).toBeGreaterThan(0);
    expect(seenArgv.some((line) => line.includes("/app"))).toBe(true);
    isAccepted = false;
    const thrown = await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal).catch((error: Error) => error);
    expect(thrown).toMatchObject({ code: "repository_refused", message: expect.stringContaining("refuses the credential") });
    const everything = [
      seenArgv.join("\n"),
      log.said.join("\n"),
      said(thrown),
      JSON.stringify(source),
      await allText(join(folder.path, "home")),
    ].join("\n");
    for (const form of [token, basic, encodeURIComponent(token), Buffer.from(token).toString("base64")])
      expect(everything).not.toContain(form);
  });

  it("[N4] go to the host that they are for, and to no other", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    await using server = await aGitServer(join(folder.path, "repos"));
    for (const gitToken of [token, `github.com=${token}`, "127.0.0.1:1=x"]) {
      const sources = someSources(join(folder.path, `home-${gitToken.length}`), { gitToken });
      await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    }
    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.filter((request) => request.headers.authorization !== undefined)).toEqual([]);
  });

  it("says what to do when a repository asks for one and there is none", async () => {
    await using folder = await aFolder();
    await using server = await aGitServer(folder.path, (_request, response) => {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return true;
    });
    await expect(someSources(join(folder.path, "home")).resolve(anApp, git(`${server.url}/app`), "HEAD", signal)).rejects.toThrow(
      /NORNS_GIT_TOKEN/,
    );
    await expect(someSources(join(folder.path, "home")).resolve(anApp, git("git@127.0.0.1:x"), "HEAD", signal)).rejects.toThrow(
      /NORNS_GIT_SSH_KEY/,
    );
  });

  it("that could add header lines are refused at start", () => {
    expect(() => toTokens("abc\r\nX-Evil: 1")).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(toTokens("github.com=a=,git.example.com:8443=b")).toEqual(
      new Map([
        ["github.com", "a="],
        ["git.example.com:8443", "b"],
      ]),
    );
    expect(toTokens("ghp_x==").get("github.com")).toBe("ghp_x==");
    expect(toTokens("ghp_x").has("git.example.com")).toBe(false);
  });

  it("[N5] lie behind directories that nobody else enters", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    await using server = await aGitServer(join(folder.path, "repos"));
    const home = join(folder.path, "home");
    await someSources(home).resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    for (const name of ["git", "mirrors"]) expect((await stat(join(home, name))).mode & 0o077).toBe(0);
  });
});

it("the ssh program hands every value over quoted, and the address that was judged", async () => {
  await using folder = await aFolder();
  const home = join(folder.path, "a home with 'quotes\" and $(touch x)");
  await writeFile(join(folder.path, "ssh"), '#!/bin/sh\nfor a in "$@"; do printf "%s\\n" "$a"; done > "$HOME/said"\nexit 1\n', {
    mode: 0o755,
  });
  const sources = someSources(home, { sshKey: join(folder.path, "key file"), path: `${folder.path}:/usr/bin:/bin` });
  await expect(sources.resolve(anApp, git("ssh://git@localhost:2222/srv/app"), "HEAD", signal)).rejects.toMatchObject({
    code: "repository_unreachable",
  });
  const argv = (await readFile(join(home, "git/said"), "utf8")).split("\n");
  expect(argv).toContain("HostName=127.0.0.1");
  expect(argv).toContain("HostKeyAlias=localhost:2222");
  expect(argv).toContain("StrictHostKeyChecking=accept-new");
  expect(argv).toContain(join(folder.path, "key file"));
  expect(argv).toContain("git@localhost");
  await expect(stat(join(folder.path, "x"))).rejects.toThrow();
  await rm(home, { recursive: true });
});

function said(thrown: unknown): string {
  let text = "";
  for (let at = thrown; at instanceof Error; at = at.cause) text += `${at.message}\n${at.stack}\n${JSON.stringify(at)}\n`;
  return text;
}

async function allArgv(): Promise<string[]> {
  const lines = [];
  for (const pid of await readdir("/proc"))
    if (/^\d+$/.test(pid)) lines.push((await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " "));
  return lines.filter((line) => line.includes("git"));
}

const processesNaming = async (text: string): Promise<string[]> => (await allArgv()).filter((line) => line.includes(text));

async function gone(list: () => Promise<string[]>): Promise<void> {
  for (let tries = 0; (await list()).length > 0; tries++) {
    if (tries > 50) throw new Error(`still there: ${(await list()).join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function allText(path: string): Promise<string> {
  return (await promisify(execFile)("grep", ["-r", "-a", "-h", "", path], { maxBuffer: 1 << 28 })).stdout;
}
