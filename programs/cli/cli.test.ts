/** Every command against a real server, as a process of its own without a terminal: what it prints and how it ends. */
import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBundle, root, runProgram, type Ran } from "../../journeys/command.ts";
import { anInstallation, until, type Installation, type Operation } from "../../journeys/installation.ts";
import { aRepository, webServer, webSpec, type Repository } from "../../journeys/repository.ts";
import { commands } from "./commands/index.ts";
import { exitCodes } from "./exit.ts";

const bundle = join(root, "programs/cli/dist/norns.mjs");
const email = "ada@example.com";
const password = "correct-horse-battery";

let place: Installation;
let shop: Repository;
let deployment: string;

beforeAll(async () => {
  place = await anInstallation();
  const link = new URL(/Open this link once to make it yours: (\S+)/.exec(place.server.output())![1]!);
  const token = link.searchParams.get("token") ?? new URLSearchParams(link.hash.slice(1)).get("token") ?? link.hash.slice(1);
  const claimed = await place.send("POST", "/api/auth/claim", { email, password, token });
  expect(claimed.status, JSON.stringify(claimed.body)).toBeLessThan(300);
  shop = await aRepository(join(place.desk, "shop"), { "server.cjs": webServer("one"), "infraspec.yaml": webSpec("shop") });
  await deployed("shop", ["deploy", shop.path]);
  await shop.commit({ "server.cjs": webServer("two") });
  deployment = (await deployed("shop", ["deploy", shop.path])).id;
}, 90_000);
afterAll(() => place?.[Symbol.asyncDispose]());

async function deployed(app: string, args: readonly string[]): Promise<Operation> {
  const ran = await place.norns([...args, "--json"]);
  expect(ran.code, `${app}: ${ran.stdout}${ran.stderr}`).toBe(0);
  return ran.json<Operation>();
}

const isJsonLines = (text: string): boolean =>
  text
    .trim()
    .split("\n")
    .every((line) => typeof JSON.parse(line) === "object");

/** Words of a command that was tried, to see that none was left out. */
const tried = new Set<string>();

async function tryBoth(
  line: string,
  options: { input?: string; cwd?: string; code?: number; dataCode?: number; env?: Record<string, string>; isStream?: true } = {},
): Promise<{ person: Ran; data: Ran }> {
  const args = line.split(" ");
  const known = commands.filter(({ words }) => words.every((word, place) => args[place] === word));
  tried.add(known.toSorted((one, other) => other.words.length - one.words.length)[0]!.words.join(" "));
  const person = await place.norns(args, options);
  expect(person.code, `${line}: ${person.stdout}${person.stderr}`).toBe(options.code ?? 0);
  const data = await place.norns([...args, "--json"], options);
  expect(data.code, `${line} --json: ${data.stdout}${data.stderr}`).toBe(options.dataCode ?? options.code ?? 0);
  if (options.isStream) expect(isJsonLines(data.stdout), data.stdout).toBe(true);
  else expect(() => data.json(), `${line} --json: ${data.stdout}`).not.toThrow();
  expect(`${person.stdout}${person.stderr}${data.stdout}`, line).not.toContain("\u001b");
  return { person, data };
}

describe("every command, for a person and as data", () => {
  it.each([
    ["status", /● shop +running/],
    ["app shop", /web +1\/1/],
    ["logs shop", /listening/, { isStream: true as const }],
    ["saga", /shop/],
    ["saga --app shop", /release 2/],
    ["operations", /succeeded +apps\.deploy/],
    ["operations queues", /Nothing waits/],
    ["operations --state succeeded", /apps\.deploy/],
    ["audit", /apps\.deploy/],
    ["stats", /apps +1/],
    ["health", /postgres/],
    ["version", /server +0\./],
    ["workspaces", /owner|admin/],
    ["validate --all", /✓ shop/],
    ["completion bash", /complete/],
  ] as const)("norns %s", async (line, says, options?: { isStream: true }) => {
    const { person } = await tryBoth(line, options);
    expect(person.stdout).toMatch(says);
  });

  it("in a directory of one's own: init, validate, deploy", async () => {
    const mine = await aRepository(join(place.desk, "mine"), { "server.cjs": webServer("mine") });
    expect((await tryBoth("init --print", { cwd: mine.path })).person.stdout).toContain("name: mine");
    await mine.commit({ "infraspec.yaml": webSpec("mine") });
    expect((await tryBoth("validate", { cwd: mine.path })).person.stdout).toContain("✓ mine");
    expect((await tryBoth("deploy --preflight", { cwd: mine.path })).person.code).toBe(0);
    const { person, data } = await tryBoth("deploy", { cwd: mine.path });
    expect(person.stdout).toMatch(/● healthy[\s\S]*✓ release 1/);
    expect(data.json<Operation>().state).toBe("succeeded");
    tried.add("remove");
    expect(await place.norns(["remove", "mine"])).toMatchObject({ code: exitCodes.usage, stderr: expect.stringContaining("--yes") });
    expect((await place.norns(["remove", "mine", "--yes"])).stdout).toContain("✓ mine is removed; its volumes are kept");
    expect((await place.norns(["app", "mine"])).code).toBe(exitCodes.notFound);
    expect((await place.norns(["remove", "mine", "--yes", "--json"])).json()).toMatchObject({ code: expect.stringContaining("not_found") });
  });

  it("a repository that the server fetches, and what its build prints, live and afterwards", async () => {
    const remote = await aRepository(join(place.desk, "remote"), {
      "server.cjs": webServer("remote"),
      "infraspec.yaml": webSpec("remote", { more: 'build: { command: "echo one; sleep 1; echo two >&2" }' }),
    });
    const parts: string[] = [];
    const ran = await place.norns(["deploy", "-v", remote.path], { onOutput: (text) => parts.push(text) });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/^build {2}one$[\s\S]*^build {2}two$[\s\S]*✓ release 1/m);
    expect(parts.findIndex((part) => part.includes("one"))).toBeLessThan(parts.findIndex((part) => part.includes("two")));
    const id = /op_[0-9a-z]{26}/.exec(ran.stdout)![0];
    expect((await tryBoth(`output ${id}`, { isStream: true })).person.stdout).toMatch(
      /^build {2}Running: echo one.*\nbuild {2}one\nbuild {2}two\n$/,
    );
    expect((await place.norns(["output", id, "test"])).stdout).toBe("");
    // A server refuses addresses of its own machine: what it says is what is shown.
    const refused = await place.norns(["deploy", "--repo", "http://127.0.0.1:1/ada/shop.git", "--branch", "main"]);
    expect(refused.code, refused.stdout).not.toBe(0);
    expect(refused.stderr).toMatch(/^norns: /);
  });

  it("changes of an app: scale, restart, rollback", { timeout: 60_000 }, async () => {
    expect((await tryBoth("scale shop web 2")).person.stdout).toContain("✓ shop web scaled to 2");
    expect((await place.norns(["scale", "shop", "web=3"])).stdout).toContain("✓ shop web scaled to 3");
    expect((await place.norns(["scale", "shop", "0"])).stdout).toContain("✓ shop web scaled to 0");
    expect((await place.norns(["status"])).stdout).toMatch(/○ shop +scaled to zero/);
    expect((await place.norns(["scale", "shop", "1"])).stdout).toContain("✓ shop web scaled to 1");
    await tryBoth("restart shop");
    // The second time it is in service already, which is said as an outcome that did not come about.
    expect((await tryBoth("rollback shop --to 1", { dataCode: 1 })).person.stdout).toMatch(/✓ release 1 .* is live/);
  });

  it("one operation: show, saga, cancel, retry", async () => {
    expect((await tryBoth(`operations show ${deployment}`)).person.stdout).toContain("healthy");
    expect((await tryBoth(`saga ${deployment}`)).person.stdout).toContain("release 2");
    // It is over and went well: neither can be done any more, and both say so.
    for (const verb of ["cancel", "retry"]) await tryBoth(`operations ${verb} ${deployment}`, { code: 1 });
  });

  it("members: what they may do, and out again", async () => {
    const sent = (await place.norns(["workspaces", "invite", "bob@example.com", "--role", "viewer", "--json"])).json<{ link: string }>();
    const link = new URL(sent.link);
    const invitation = link.searchParams.get("token") ?? new URLSearchParams(link.hash.slice(1)).get("token") ?? link.hash.slice(1);
    const joined = await place.send("POST", "/api/auth/signup", { email: "bob@example.com", password, name: "Bob", invitation });
    expect(joined.status, JSON.stringify(joined.body)).toBeLessThan(300);
    expect((await tryBoth("workspaces members role bob@example.com editor")).person.stdout).toBe("bob@example.com is editor now\n");
    tried.add("workspaces members remove");
    expect((await place.norns(["workspaces", "members", "remove", "bob@example.com"])).stdout).toContain("no member any more");
    const again = await place.norns(["workspaces", "members", "remove", "bob@example.com", "--json"]);
    expect(again).toMatchObject({ code: exitCodes.notFound });
    expect(again.json()).toMatchObject({ code: "no_member" });
  });

  it("the workspace that is named, wherever it is named", async () => {
    const [own] = (await place.norns(["workspaces", "--json"])).json<{ slug: string }[]>();
    for (const args of [["workspaces", "members"], ["api-keys"]]) {
      for (const ran of [await place.norns([...args, "-w", own!.slug]), await place.norns(args, { env: { NORNS_WORKSPACE: own!.slug } })])
        expect(ran.code, ran.stderr).toBe(0);
      expect((await place.norns([...args, "-w", "no-such-one"])).code).toBe(exitCodes.notFound);
      expect((await place.norns(args, { env: { NORNS_WORKSPACE: "no-such-one" } })).code).toBe(exitCodes.notFound);
    }
  });

  it("people and keys", async () => {
    expect((await tryBoth("workspaces members")).person.stdout).toContain(email);
    expect((await tryBoth("workspaces invite eve@example.com --role editor")).person.stdout).toContain("http");
    const { data } = await tryBoth("api-keys create ci --scope apps:read --expires 1");
    expect((await tryBoth("api-keys")).person.stdout).toContain("ci");
    const { id, apiKey } = data.json<{ id: string; apiKey: string }>();
    expect((await place.norns(["status"], { env: { NORNS_TOKEN: apiKey } })).code).toBe(0);
    expect((await place.norns(["restart", "shop"], { env: { NORNS_TOKEN: apiKey } })).code).toBe(exitCodes.notAllowed);
    const other = (await place.norns(["api-keys", "create", "two", "--scope", "apps:read", "--json"])).json<{ id: string }>();
    tried.add("api-keys revoke");
    expect((await place.norns(["api-keys", "revoke", id])).stdout).toContain("revoked");
    expect((await place.norns(["api-keys", "revoke", other.id, "--json"])).json()).toEqual({ revoked: other.id });
    expect((await place.norns(["status"], { env: { NORNS_TOKEN: apiKey } })).code).toBe(exitCodes.notAllowed);
  });

  it("audit --verify, when the trail is sealed", async () => {
    await until("sealed audit trail", async () => (await place.norns(["audit", "--verify"])).stdout.includes("chained, 0 not yet"));
    await tryBoth("audit --verify");
  });

  it("login with the password on standard input, kept for later commands, and logout", async () => {
    const env = { NORNS_HOME: join(place.desk, "elsewhere"), XDG_CONFIG_HOME: join(place.desk, "config") };
    const url = ["--url", place.server.url];
    expect((await place.norns(["status", ...url], { env })).code).toBe(exitCodes.notAllowed);
    const { person } = await tryBoth(`login --email ${email} --url ${place.server.url}`, { env, input: `${password}\n` });
    expect(person.stdout).toContain(`signed in at ${place.server.url}`);
    expect((await stat(join(place.desk, "config/norns/cli.json"))).mode & 0o777).toBe(0o600);
    expect((await place.norns(["status"], { env })).code).toBe(0);
    const { token } = JSON.parse(await readFile(join(place.desk, "config/norns/cli.json"), "utf8")) as { token: string };
    const { person: out, data } = await tryBoth("logout", { env });
    expect(out.stdout).toBe(`signed out of ${place.server.url}\n`);
    expect(data.json()).toEqual({ signedOut: false });
    expect((await place.norns(["status", ...url], { env })).code).toBe(exitCodes.notAllowed);
    // Ended on the server, not only forgotten here.
    expect((await place.norns(["status", "--token", token, ...url], { env })).code).toBe(exitCodes.notAllowed);

    await place.norns(["login", "--email", email, ...url], { env, input: `${password}\n` });
    const elsewhere = { ...env, NORNS_URL: "http://127.0.0.1:1" };
    expect((await place.norns(["logout"], { env: elsewhere })).stdout).toContain("signed out of");
    expect((await place.norns(["logout", "--json"], { env })).json()).toEqual({ signedOut: false });
  });

  it("none is left out", () => {
    // `stream` never ends by itself and has tests below; `server` and `down` act on the machine and have theirs.
    const elsewhere = ["stream", "server", "down"];
    expect(commands.map(({ words }) => words.join(" ")).filter((words) => !tried.has(words) && !elsewhere.includes(words))).toEqual([]);
  });
});

describe("exit codes", () => {
  const cases: [string, number, readonly string[], Record<string, string>?][] = [
    ["done", exitCodes.done, ["status"]],
    ["failed as an outcome", exitCodes.failed, ["operations", "retry", "DEPLOYMENT"]],
    ["wrong usage", exitCodes.usage, ["status", "--nonsense"]],
    ["wrong usage, said by the server", exitCodes.usage, ["audit", "--limit", "100000"]],
    ["not allowed", exitCodes.notAllowed, ["status"], { NORNS_TOKEN: "nora_forged" }],
    ["not found", exitCodes.notFound, ["app", "no-such-app"]],
    ["unreachable", exitCodes.unreachable, ["status"], { NORNS_URL: "http://127.0.0.1:1" }],
  ];
  it.each(cases)("%s: %i", async (...[, code, args, env = {}]) => {
    const line = args.map((word) => (word === "DEPLOYMENT" ? deployment : word));
    const ran = await place.norns(line, { env });
    expect(ran.code, ran.stdout + ran.stderr).toBe(code);
    if (code === 0) return;
    expect(ran.stdout).toBe("");
    expect(ran.stderr).toMatch(/^norns: .+\n/);
    const data = await place.norns([...line, "--json"], { env });
    expect(data.code).toBe(code);
    expect(data.json()).toMatchObject({ error: expect.any(String), code: expect.any(String) });
  });

  it("of a deployment whose build fails: 1, with what the build said last", async () => {
    const broken = await aRepository(join(place.desk, "broken"), {
      "server.cjs": webServer("never"),
      "infraspec.yaml": webSpec("broken", { more: 'build: { command: "echo compiling; echo no such module >&2; exit 3" }' }),
    });
    const ran = await place.norns(["deploy", broken.path]);
    expect(ran.code, ran.stdout + ran.stderr).toBe(exitCodes.failed);
    expect(ran.stdout).toMatch(/✕ build/);
    expect(ran.stdout).toMatch(/last output[\s\S]*compiling[\s\S]*no such module/);
  });
});

describe("without a terminal", () => {
  it("nothing is asked: what would ask ends with 2 and says what to give", async () => {
    const env = { NORNS_HOME: join(place.desk, "nowhere"), XDG_CONFIG_HOME: join(place.desk, "nowhere") };
    const login = ["login", "--url", place.server.url];
    for (const args of [login, [...login, "--email", email]]) {
      const ran = await place.norns(args, { env });
      expect(ran.code, ran.stdout + ran.stderr).toBe(exitCodes.usage);
      expect(ran.stderr).toContain("There is no terminal to ask at");
    }
  });

  it("`norns logs | head` ends quietly", async () => {
    await ensureBundle();
    const ran = await runProgram("sh", ["-c", `"${process.execPath}" "${bundle}" logs shop -f | head -n 1`], {
      env: { NORNS_HOME: place.home, HOME: place.desk },
      timeoutMs: 20_000,
    });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout.split("\n")).toHaveLength(2);
  });
});

describe("norns stream", () => {
  it("misses nothing when the server is started again under it, and ends at Ctrl-C", { timeout: 60_000 }, async () => {
    await ensureBundle();
    const port = String(place.server.port);
    const child = spawn(process.execPath, [bundle, "stream", "--json", "--after", "0", "--url", place.server.url], {
      env: { PATH: process.env["PATH"], NORNS_HOME: place.home, HOME: place.desk },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const seen = (): number[] =>
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { seq: number }).seq);
    await until("first events", () => seen().length > 5);
    expect(await place.server.stop()).toBe(0);
    await place.start({ env: { NORNS_PORT: port } });
    await place.norns(["restart", "shop"]);
    const all = await place.get<{ seq: number }[]>("/api/events?after=0&limit=500");
    await until("the latest event", () => seen().at(-1)! >= all.at(-1)!.seq);
    expect(seen().filter((seq) => seq <= all.at(-1)!.seq)).toEqual(all.map(({ seq }) => seq));
    expect(said).toContain("the connection broke");
    child.kill("SIGINT");
    expect(await exited).toBe(0);
  });
});

describe("the bundle", () => {
  const old = "/usr/bin/node";
  it("runs on the system's own Node, from 18 on", async (test) => {
    const found = await stat(old).catch(() => undefined);
    if (!found) return test.skip("there is no other Node on this machine");
    await ensureBundle();
    for (const [args, says] of [
      [["--version"], /^\d+\.\d+\.\d+\n$/],
      [["--help"], /usage: norns/],
      [["status"], /shop/],
      [["validate", shop.path], /✓ shop/],
    ] as const) {
      const ran = await runProgram(old, [bundle, ...args], { env: { NORNS_HOME: place.home, HOME: place.desk } });
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stderr).toBe("");
      expect(ran.stdout).toMatch(says);
    }
  });
});
