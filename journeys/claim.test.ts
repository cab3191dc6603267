/** Whose installation it is: the claim in a browser, sessions and their end, a second person, keys, and a page that attacks. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { join } from "node:path";
import { noBrowser, openBrowser } from "./browser.ts";
import { anInstallation, until, type Installation, type Operation } from "./installation.ts";
import { aRepository, webSpec } from "./repository.ts";

if (noBrowser) console.log(`skipped: the claim and a hostile page in a browser (${noBrowser})`);

const password = "a long and good one";
const owner = "ada@example.com";

interface Session {
  readonly id: string;
  readonly current: boolean;
}

describe.skipIf(noBrowser)("an installation", () => {
  let place: Installation;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const url = () => place.server.url;
  const claimLink = () => /http:\/\/\S+\/claim\S+/.exec(place.server.output())![0];

  beforeAll(async () => {
    [place, browser] = await Promise.all([anInstallation(), openBrowser()]);
    context = await browser.newContext();
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  });
  afterAll(async () => {
    await browser?.close();
    await place?.[Symbol.asyncDispose]();
  });

  const post = (path: string, body: unknown, token?: string): Promise<Response> =>
    fetch(`${url()}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    });
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const signIn = async (email = owner): Promise<string> => {
    const answer = await post("/api/auth/login", { email, password });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { token: string }).token;
  };

  it("that nobody has claimed lets nobody sign up or in", async () => {
    expect((await post("/api/auth/signup", { email: "eve@example.com", password })).status).toBe(403);
    expect((await post("/api/auth/sign-up/email", { email: "eve@example.com", password, name: "Eve" })).status).toBe(403);
    expect((await post("/api/auth/login", { email: "eve@example.com", password })).status).toBe(401);
    expect((await post("/api/auth/claim", { email: "eve@example.com", password, token: "x".repeat(43) })).status).toBeGreaterThanOrEqual(
      400,
    );
    expect((await fetch(`${url()}/api/apps`)).status).toBe(401);
  });

  it("is claimed by its link with the keyboard alone, and its owner is signed in", async () => {
    await page.goto(claimLink());
    await page.waitForFunction(`document.activeElement?.id === "email"`);
    expect(page.url()).toBe(`${url()}/claim`);
    for (const text of [owner, "Ada", password]) {
      await page.keyboard.type(text);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(`${url()}/`);
    expect(await context.cookies()).toMatchObject([{ name: "norns", httpOnly: true, sameSite: "Strict", domain: "127.0.0.1" }]);
    expect(await page.evaluate(`fetch("/api/auth/me").then((answer) => answer.json())`)).toMatchObject({ email: owner, role: "admin" });
    expect(await page.evaluate(`fetch("/api/workspaces").then((answer) => answer.json())`)).toMatchObject([
      { slug: "default", role: "owner" },
    ]);
    // What the page says to whoever looks.
    expect(await page.title()).toContain("Norns");
    expect(complaints).toEqual([]);
  });

  it("is claimed once: the link is refused to the next, and a restart prints none", async () => {
    const other = await browser.newContext();
    const late = await other.newPage();
    await late.goto(claimLink());
    await late.waitForSelector("text=has been claimed");
    await other.close();
    const token = new URL(claimLink()).hash.replace(/^#(token=)?/, "");
    expect((await post("/api/auth/claim", { email: "eve@example.com", password, token })).status).toBe(409);
    expect((await post("/api/auth/signup", { email: "eve@example.com", password })).status).toBe(403);
  });

  it("lets its owner out and in again", async () => {
    expect(
      await page.evaluate(
        `fetch("/api/auth/logout", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then((answer) => answer.status)`,
      ),
    ).toBe(200);
    expect(await page.evaluate(`fetch("/api/auth/me").then((answer) => answer.status)`)).toBe(401);
    await page.goto(`${url()}/sign-in`);
    await page.fill("#email", owner);
    await page.fill("#password", password);
    await page.press("#password", "Enter");
    await page.waitForURL(`${url()}/`);
    expect(await page.evaluate(`fetch("/api/auth/me").then((answer) => answer.status)`)).toBe(200);
  });

  it("[W3] ends a stream and a socket of a browser within a second of its session's end", async () => {
    await page.evaluate(`(async () => {
      window.ended = {};
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
      await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
      socket.onclose = (event) => (window.ended.socket = { at: Date.now(), code: event.code });
      const answer = await fetch("/api/events?after=0", { headers: { accept: "text/event-stream" } });
      if (answer.status !== 200) throw new Error("stream " + answer.status);
      const reader = answer.body.getReader();
      (async () => { try { while (!(await reader.read()).done); } catch {} window.ended.stream = { at: Date.now() }; })();
    })()`);
    const token = await signIn();
    const sessions = (await (await fetch(`${url()}/api/auth/sessions`, as(token))).json()) as Session[];
    const browsers = sessions.filter(({ current }) => !current);
    expect(browsers).toHaveLength(1);
    const at = Date.now();
    const answer = await fetch(`${url()}/api/auth/sessions/${browsers[0]!.id}`, { ...as(token), method: "DELETE" });
    expect(answer.status).toBe(200);
    await page.waitForFunction("window.ended.socket && window.ended.stream", undefined, { timeout: 5_000 });
    const ended = (await page.evaluate("window.ended")) as { socket: { at: number }; stream: { at: number } };
    expect(ended.socket.at - at).toBeLessThan(1_000);
    expect(ended.stream.at - at).toBeLessThan(1_000);
    expect(await page.evaluate(`fetch("/api/auth/me").then((answer) => answer.status)`)).toBe(401);
    expect((await fetch(`${url()}/api/auth/me`, as(token))).status).toBe(200);
  });

  it("takes in a second person by invitation, who may what the role says", async () => {
    const invited = await place.norns(["workspaces", "invite", "vera@example.com", "--role", "viewer", "--json"]);
    expect(invited.code, invited.stderr).toBe(0);
    const { link } = invited.json<{ link: string }>();
    const hers = await browser.newContext();
    const herPage = await hers.newPage();
    await herPage.goto(link);
    await herPage.waitForSelector("text=Join Default");
    await herPage.fill("#name", "Vera");
    await herPage.fill("#password", password);
    await herPage.press("#password", "Enter");
    await herPage.waitForURL(`${url()}/`);
    await hers.close();
    expect((await place.norns(["workspaces", "members"])).stdout).toMatch(/vera@example\.com +Vera +viewer/);

    // The command as she has it on a machine of her own: nothing of the server's home.
    const env = { NORNS_HOME: join(place.desk, "hers"), NORNS_URL: url(), XDG_CONFIG_HOME: join(place.desk, "hers") };
    const login = await place.norns(["login", "--email", "vera@example.com"], { env, input: `${password}\n` });
    expect(login.code, login.stderr).toBe(0);
    expect((await place.norns(["status"], { env })).code).toBe(0);
    const refused = await place.norns(["api-keys", "create", "hers", "--scope", "apps:write"], { env });
    expect(refused).toMatchObject({ code: 3 });
    expect((await place.norns(["workspaces", "invite", "eve@example.com"], { env })).code).toBe(3);
    // The link is used up.
    const preview = await post("/api/invitations/preview", { token: new URL(link).hash.replace(/^#(token=)?/, "") });
    expect([preview.status, await preview.json()]).toEqual([200, { invitation: null }]);
  });

  it("gives a key what its scopes say and nothing else, until it is revoked", async () => {
    const ofOwner = { env: { NORNS_HOME: join(place.desk, "owner"), NORNS_URL: url(), NORNS_TOKEN: await signIn() } };
    const made = (await place.norns(["api-keys", "create", "reader", "--scope", "apps:read", "--json"], ofOwner)).json<{
      id: string;
      apiKey: string;
    }>();
    const env = { NORNS_HOME: join(place.desk, "robot"), NORNS_URL: url(), NORNS_TOKEN: made.apiKey };
    expect((await place.norns(["status"], { env })).code).toBe(0);
    expect((await place.norns(["restart", "hello"], { env })).code).toBe(3);
    for (const args of [
      ["workspaces", "invite", "eve@example.com"],
      ["api-keys", "create", "more", "--scope", "apps:write"],
      ["api-keys", "revoke", made.id],
    ])
      expect((await place.norns(args, { env })).code, args.join(" ")).toBe(3);
    expect((await place.norns(["api-keys", "revoke", made.id], ofOwner)).code).toBe(0);
    expect((await place.norns(["status"], { env })).code).toBe(3);
  });

  it("gives nothing to a deployed page that attacks it from its visitor's browser", { timeout: 60_000 }, async () => {
    const evil = `
      const http = require("node:http");
      http.createServer((req, res) => {
        if (req.url === "/health") return res.end("ok");
        if (req.url === "/seen") return res.end(JSON.stringify({ cookie: req.headers.cookie ?? "", authorization: req.headers.authorization ?? "" }));
        res.setHeader("content-type", "text/html");
        res.setHeader("set-cookie", ["norns=forged; Path=/", "norns=forged; Path=/; Domain=localhost"]);
        res.end("<!doctype html><title>evil</title><body>evil");
      }).listen(process.env.PORT, process.env.HOST);`;
    const repository = await aRepository(join(place.desk, "evil"), { "infraspec.yaml": webSpec("evil"), "server.cjs": evil });
    const deployed = await place.norns(["deploy"], { cwd: repository.path });
    expect(deployed.code, deployed.stdout + deployed.stderr).toBe(0);
    const { port } = place.server;

    for (const host of ["127.0.0.1", "localhost"]) {
      const origin = `http://${host}:${port}`;
      const visitor = await browser.newContext();
      const own = await visitor.newPage();
      await own.goto(`${origin}/sign-in`);
      await own.fill("#email", owner);
      await own.fill("#password", password);
      await own.press("#password", "Enter");
      await own.waitForURL(`${origin}/`);
      // First what the control plane's own page may: the attacks below would succeed if they were let.
      expect(await own.evaluate(control), origin).toEqual({ apps: 200, socket: "open", events: "open" });

      const [operations, audit] = await Promise.all([
        place.get<Operation[]>("/api/operations?limit=200"),
        place.get<unknown[]>("/api/audit?limit=200"),
      ]);
      const attacker = await visitor.newPage();
      await attacker.goto(`http://evil.localhost:${port}/`);
      const got = await attacker.evaluate(attacks, { origin, me: await workspaceId() });
      expect(got, origin).toEqual({
        read: "refused",
        readWithKeyHeader: "refused",
        write: "refused or unseen",
        preflighted: "refused",
        socket: "closed",
        socketOfOwnName: "closed",
        events: "closed",
        frame: "unreadable",
        popup: "unreadable",
      });
      // What may not be framed is an error page of the browser's instead.
      expect(attacker.frames().map((frame) => frame.url())).not.toContain(`${origin}/`);
      // The app sees nothing of ours, even what its visitor's browser sends.
      const seen = (await attacker.evaluate(`fetch("/seen").then((answer) => answer.json())`)) as { cookie: string; authorization: string };
      expect(seen.authorization).toBe("");
      const real = (await visitor.cookies(origin)).find(({ name, domain }) => name === "norns" && domain === host)!.value;
      expect(seen.cookie).not.toContain(real);

      // Nothing was done, and the visitor is still signed in, as herself.
      expect((await place.get<Operation[]>("/api/operations?limit=200")).length).toBe(operations.length);
      expect((await place.get<unknown[]>("/api/audit?limit=200")).length).toBe(audit.length);
      expect(await own.evaluate(`fetch("/api/auth/me").then((answer) => answer.json())`)).toMatchObject({ email: owner });
      await visitor.close();
    }
    expect((await place.norns(["app", "evil"])).code).toBe(0);
    await until("evil as it was", async () => (await place.get<{ healthy: boolean }>("/api/apps/evil")).healthy);
  });

  const workspaceId = async (): Promise<string> => (await place.get<{ id: string }[]>("/api/workspaces"))[0]!.id;
});

/** Runs in the control plane's own page. */
const control = `(async () => {
  const apps = (await fetch("/api/apps")).status;
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  const events = new EventSource("/api/events");
  const how = (one) => new Promise((resolve) => { one.onopen = () => resolve("open"); one.onerror = () => resolve("closed"); });
  const [isSocket, isEvents] = await Promise.all([how(socket), how(events)]);
  const answer = { apps, socket: isSocket, events: isEvents };
  socket.close();
  events.close();
  return answer;
})()`;

/** Runs in the page of the app. A string of its own, as the browser gets it. */
async function attacks({ origin, me }: { origin: string; me: string }): Promise<Record<string, string>> {
  // The page's globals: the tests' own types know only Node's.
  const page = globalThis as unknown as {
    document: {
      createElement(name: string): Record<string, unknown> & { submit(): void; append(child: unknown): void };
      body: { append(child: unknown): void };
    };
    window: { open(url: string): { document: { title: string }; close(): void } | null };
    EventSource: new (url: string, options: object) => { onopen: () => void; onerror: () => void; onmessage: () => void; close(): void };
    WebSocket: new (url: string) => { onopen: () => void; onerror: () => void; close(): void };
    location: { host: string };
  };
  const { document, window, EventSource, WebSocket, location } = page;
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const tryFetch = async (path: string, init: object): Promise<string> => {
    try {
      const answer = await fetch(`${origin}${path}`, { credentials: "include", ...init } as RequestInit);
      return answer.type === "opaque" ? "refused or unseen" : `got ${answer.status}`;
    } catch {
      return "refused";
    }
  };
  const read = await tryFetch("/api/apps", {});
  const readWithKeyHeader = await tryFetch("/api/apps", { headers: { "x-api-key": "nora_guess" } });
  const writes = [
    ["/api/apps/evil/restart", "{}"],
    ["/api/apps/evil/scale", `{"process":"web","count":5}`],
    [`/api/workspaces/${me}/invitations`, `{"email":"eve@example.com","role":"admin"}`],
    [`/api/workspaces/${me}/api-keys`, `{"label":"eve","scopes":["apps:write"]}`],
    ["/api/auth/logout", "{}"],
    ["/api/auth/tickets", "{}"],
  ] as const;
  let write = "refused or unseen";
  for (const [path, body] of writes) {
    const how = await tryFetch(path, { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body });
    if (how.startsWith("got")) write = `${path}: ${how}`;
  }
  const preflighted = await tryFetch("/api/apps/evil/restart", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  // Forms need no permission to send; the answers go into frames.
  for (const [path, body] of writes)
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const frame = document.createElement("iframe");
      frame["name"] = `frame-${Math.random()}`;
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", action: `${origin}${path}`, target: frame["name"], enctype });
      const input = document.createElement("input");
      Object.assign(input, { name: body.slice(0, -1) + `,"x":"`, value: `"}` });
      form.append(input);
      document.body.append(form);
      form.submit();
    }
  const how = (one: { onopen: () => void; onerror: () => void; close(): void }): Promise<string> =>
    Promise.race([
      new Promise<string>((resolve) => {
        one.onopen = () => resolve("open");
        one.onerror = () => resolve("closed");
      }),
      wait(3_000).then(() => "silent"),
    ]).finally(() => one.close());
  const socket = await how(new WebSocket(`${origin.replace("http", "ws")}/ws`));
  const socketOfOwnName = await how(new WebSocket(`ws://${location.host}/ws`));
  const events = await how(new EventSource(`${origin}/api/events?after=0`, { withCredentials: true }));
  const framed = document.createElement("iframe");
  framed["src"] = `${origin}/`;
  document.body.append(framed);
  await wait(800);
  let frame = "unreadable";
  try {
    const inside = framed["contentDocument"] as { title: string } | null;
    if (inside?.title) frame = inside.title;
  } catch {
    // As it should be.
  }
  let popup = "unreadable";
  try {
    const opened = window.open(`${origin}/`);
    await wait(500);
    if (opened?.document.title) popup = opened.document.title;
  } catch {
    // As it should be.
  }
  return { read, readWithKeyHeader, write, preflighted, socket, socketOfOwnName, events, frame, popup };
}
