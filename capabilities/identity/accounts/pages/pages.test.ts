import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { allIdentityMigrations, aWing, password, type Wing } from "../../fixtures.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (!executablePath) console.log("skipped: the pages in a browser (no Chromium on this machine)");

describe.skipIf(!executablePath)("the pages in a browser", () => {
  let db: TestDatabase;
  let wing: Wing;
  let browser: Browser;
  let origin = "";
  const server = createServer();
  const complaints: string[] = [];

  beforeAll(async () => {
    db = await aDatabase(allIdentityMigrations);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    origin = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
    wing = await aWing(db.store, { config: { publicUrl: () => origin } });
    const listener = getRequestListener(wing.router.fetch);
    server.on("request", (incoming, outgoing) => void listener(incoming, outgoing));
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser?.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await wing?.close();
    await db?.close();
  });

  const open = async (path: string, options: { dark?: boolean; width?: number } = {}): Promise<Page> => {
    const context = await browser.newContext({
      colorScheme: options.dark ? "dark" : "light",
      viewport: { width: options.width ?? 1200, height: 800 },
    });
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("401")) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(path.startsWith("http") ? path : `${origin}${path}`);
    return page;
  };
  const shoot = async (page: Page, name: string): Promise<void> => {
    const directory = process.env["NORNS_TEST_SHOTS"];
    if (directory) await page.screenshot({ path: `${directory}/${name}.png` });
  };

  it("claims by the keyboard alone, under the content policy, with nothing of the token left in the address", async () => {
    const page = await open((await wing.identity.accounts.claimLink())!);
    await page.waitForFunction(`document.activeElement?.id === "email"`);
    expect(page.url()).toBe(`${origin}/claim`);
    await shoot(page, "claim");
    await page.keyboard.press("Enter");
    await page.waitForFunction(`document.getElementById("say").textContent.startsWith("Email:")`);
    await shoot(page, "claim-refused");
    await page.keyboard.type("owner@example.com");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Olga Owner");
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith("/api/auth/claim")),
      page.keyboard.press("Enter"),
    ]);
    expect(answer.status()).toBe(201);
    await page.waitForURL(`${origin}/`);
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ name: "norns", httpOnly: true, sameSite: "Strict" }]);
    await page.context().close();
    const late = await open("/claim");
    await late.waitForSelector("text=has been claimed");
    await shoot(late, "claim-late");
    await late.context().close();
  });

  it("[W6] signs in, says what is wrong, and never goes to another site afterwards", async () => {
    const page = await open("/sign-in?next=https://evil.example/", { dark: true });
    await page.fill("#email", "owner@example.com");
    await page.fill("#password", "not this one");
    await page.press("#password", "Enter");
    await page.waitForSelector("text=The address or the password is wrong.");
    await shoot(page, "sign-in-dark");
    await page.fill("#password", password);
    await page.press("#password", "Enter");
    await page.waitForURL(`${origin}/`);
    for (const next of ["//evil.example/x", "/\\evil.example", "javascript:alert(1)"]) {
      const again = await open(`/sign-in?next=${encodeURIComponent(next)}`);
      await again.fill("#email", "owner@example.com");
      await again.fill("#password", password);
      await again.press("#password", "Enter");
      await again.waitForURL((url) => !url.pathname.includes("sign-in"));
      expect(new URL(again.url()).origin, next).toBe(origin);
      await again.context().close();
    }
    await page.context().close();
  });

  it("accepts an invitation on a phone, with the invited address fixed", async () => {
    const owner = (
      await wing.identity.accounts.signIn({ email: "owner@example.com", password }, { remoteAddress: "127.0.0.1", userAgent: null })
    ).token;
    const actor = (await wing.identity.accounts.resolveActor(
      { method: "GET", url: origin, headers: { get: (name) => (name === "authorization" ? `Bearer ${owner}` : null) } },
      { remoteAddress: "127.0.0.1" },
    ))!;
    const { link } = await wing.identity.workspaces.invite(actor, actor.homeWorkspace, { email: "vera@example.com", role: "viewer" });
    const page = await open(link, { width: 375 });
    await page.waitForSelector("text=Join Default");
    expect(await page.inputValue("#email")).toBe("vera@example.com");
    expect(await page.isEditable("#email")).toBe(false);
    await shoot(page, "invitation-phone");
    expect(await page.evaluate(`document.documentElement.scrollWidth <= window.innerWidth`)).toBe(true);
    await page.fill("#name", "Vera");
    await page.fill("#password", password);
    await page.press("#password", "Enter");
    await page.waitForURL(`${origin}/`);
    await page.context().close();
    const used = await open(link);
    await used.waitForSelector("text=not good any more");
    await used.context().close();
  });

  it("gave the browser nothing to complain about", () => {
    expect(complaints.filter((text) => !/404|evil/.test(text))).toEqual([]);
  });
});
