import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newId, type AppName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import { aGroup, aWorkload, linesOf, whatAnAppGets } from "./fixtures.ts";
import { firstBarrier } from "./isolation.ts";
import { aProcessEngine } from "./testing.ts";

const isRoot = process.getuid?.() === 0;
const here = fileURLToPath(import.meta.url);

const judge = ({ output, secrets }: { output: string; secrets: string[] }) => {
  expect(output).not.toContain("SECRET-CONTENT");
  expect(output).not.toContain("FOUND-");
  expect(secrets, "were changed or removed").toEqual([]);
  expect(output).toMatch(/node: v\d+/);
  expect(output).toMatch(/^ok$/m);
};

describe("an app", () => {
  it(`cannot read or change anything of Norns or of another app${isRoot ? ", when Norns runs as root" : ""}`, async () => {
    const got = await whatAnAppGets();
    expect(got.isolation[0]).not.toMatch(/^none/);
    judge(got);
    if (isRoot) expect(got.output).toMatch(/uid=2\d{5}/);
  }, 60_000);

  const reason = !isRoot ? "already not root" : firstBarrier(here) !== null ? "the checkout is closed to other users" : null;
  it.skipIf(reason !== null)(
    `cannot, either, when Norns runs as an ordinary user with bubblewrap${reason ? ` (skipped: ${reason})` : ""}`,
    () => {
      const script = `const { whatAnAppGets } = await import(${JSON.stringify(join(here, "../fixtures.ts"))}); console.log("RESULT" + JSON.stringify(await whatAnAppGets()));`;
      const { stdout, stderr } = spawnSync(
        "setpriv",
        ["--reuid=231072", "--regid=231072", "--clear-groups", "--", process.execPath, "--input-type=module", "-e", script],
        { env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent" }, encoding: "utf8", cwd: "/" },
      );
      const result = /RESULT(.*)/.exec(stdout)?.[1];
      expect(result, stderr).toBeDefined();
      const got = JSON.parse(result!) as Awaited<ReturnType<typeof whatAnAppGets>>;
      expect(got.isolation[0]).toContain("bubblewrap");
      judge(got);
    },
    60_000,
  );

  it("[N10] inherits no descriptor but its own three", async () => {
    const under = await aProcessEngine();
    try {
      const workload = aWorkload(
        under.artifact,
        "fds",
        aGroup("for fd in /proc/self/fd/*; do [ -L $fd ] && echo fd=${fd##*/}; done; sleep 30"),
      );
      const signal = new AbortController().signal;
      await under.engine.apply(workload, { keepUp: false, signal });
      let seen: string[] = [];
      await until("three lines", async () => {
        seen = (await linesOf(under.engine, workload)).flatMap((entry) => ("text" in entry ? [entry.text] : []));
        return seen.length >= 3;
      });
      expect(seen.filter((text) => text.startsWith("fd=")).sort()).toEqual(["fd=0", "fd=1", "fd=2"]);
    } finally {
      await under.cleanUp();
    }
  });

  it("[N4] [N5] finds no secret on a command line, and no file of the engine open to others", async () => {
    const under = await aProcessEngine();
    try {
      const signal = new AbortController().signal;
      const workload = aWorkload(under.artifact, "secrets", aGroup("sleep 30", { env: { TOKEN: "sec-ret-token" } }));
      await under.engine.apply(workload, { keepUp: true, signal });
      const lines = readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => spawnSync("cat", [`/proc/${pid}/cmdline`]).stdout.toString());
      expect(lines.some((line) => line.includes("sleep 30"))).toBe(true);
      expect(lines.filter((line) => line.includes("sec-ret-token"))).toEqual([]);
      const open: string[] = [];
      const look = (directory: string) => {
        for (const entry of readdirSync(directory, { withFileTypes: true })) {
          const path = join(directory, entry.name);
          const { mode } = statSync(path);
          if (entry.isDirectory()) look(path);
          else if ((mode & 0o077) !== 0) open.push(path);
        }
      };
      expect(statSync(join(under.home, "run")).mode & 0o077).toBe(0);
      look(join(under.home, "run"));
      look(join(under.home, "logs"));
      // Compiled code is no secret, and stands behind run/, which is closed.
      expect(open.filter((path) => !path.includes("compile-cache"))).toEqual([]);
    } finally {
      await under.cleanUp();
    }
  });

  it("[I4] gets no volume whose name is a path or shell text", async () => {
    const under = await aProcessEngine();
    try {
      for (const name of ["../escape", "a/b", "$(id)", "a;id", ""]) {
        const run = under.engine.runOnce({
          workspace: newId("WorkspaceId") as WorkspaceId,
          app: "volumes" as AppName,
          release: newId("ReleaseId") as ReleaseId,
          artifact: under.artifact,
          command: "true",
          env: {},
          volumes: [{ name, mount: "/data; id", readOnly: false, shared: false }],
          timeoutMs: 5_000,
          output: () => {},
          signal: new AbortController().signal,
        });
        await expect(run).rejects.toMatchObject({ code: "volume_name_invalid" });
      }
    } finally {
      await under.cleanUp();
    }
  });

  it("cannot bring code into what runs before its sandbox stands", async () => {
    const under = await aProcessEngine();
    try {
      const output: string[] = [];
      // A library path in the environment is the classic: what loads it must already be the app's own user, inside.
      await under.engine.runOnce({
        workspace: newId("WorkspaceId") as WorkspaceId,
        app: "preload" as AppName,
        release: newId("ReleaseId") as ReleaseId,
        artifact: under.artifact,
        command: "cat /proc/self/status | grep -E '^(Uid|CapEff|NoNewPrivs)'",
        env: { LD_PRELOAD: "/nonexistent/evil.so", ENV: "/nonexistent/rc", BASH_ENV: "/nonexistent/rc" },
        volumes: [],
        timeoutMs: 5_000,
        output: (_, chunk) => output.push(Buffer.from(chunk).toString()),
        signal: new AbortController().signal,
      });
      const text = output.join("");
      expect(text).toMatch(/NoNewPrivs:\s+1/);
      expect(text).toMatch(/CapEff:\s+0+$/m);
      expect(text).not.toMatch(/Uid:\s+0\s/);
    } finally {
      await under.cleanUp();
    }
  });
});
