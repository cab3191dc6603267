/** Chromium, as a person has it. */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

/** Why there is no browser here; undefined when there is one. */
export const noBrowser: string | undefined = executablePath ? undefined : "there is no Chromium on this machine";

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
