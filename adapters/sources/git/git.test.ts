/** What every call of git is held to, whatever is asked of it. */
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { aFolder, aRepository } from "./fixtures.ts";
import { tryGit } from "./git.ts";

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

it("[I2] runs no transport that its caller has not named, were an address to get that far", async () => {
  await using folder = await aFolder();
  const home = join(folder.path, "home");
  await mkdir(home);
  const repository = await aRepository(join(folder.path, "repository"));
  await repository.commit({ "README.md": "here" });
  const marker = join(folder.path, "marker");
  // A helper of the name `git-remote-own`, as a PATH may hold.
  await writeFile(join(home, "git-remote-own"), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o700 });
  const ask = (url: string, ...config: string[]) =>
    tryGit(
      { home, path: `${home}:${process.env["PATH"] ?? ""}` },
      { args: [...config, "ls-remote", url], signal: AbortSignal.timeout(20_000), timeoutMs: 10_000 },
    );

  for (const url of [
    `ext::sh -c touch% ${marker}`,
    "own::anything",
    repository.path,
    `file://${repository.path}`,
    "ftp://127.0.0.1/x",
    "git://127.0.0.1/x",
  ]) {
    const { exitCode, stderr } = await ask(url);
    expect([url, exitCode, stderr]).toEqual([url, 128, expect.stringMatching(/transport '\w+' not allowed/)]);
  }
  expect(await exists(marker)).toBe(false);
  // The control: the one that is named is let through.
  expect(await ask(repository.path, "-c", "protocol.file.allow=always")).toMatchObject({ exitCode: 0 });
});
