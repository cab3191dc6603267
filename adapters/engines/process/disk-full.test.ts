/** NORNS_HOME on a disk of 24 MB that fills up. Needs root and leave to mount; says so where it has neither. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import { aGroup, aWorkload, linesOf } from "./fixtures.ts";
import { aProcessEngine } from "./testing.ts";

function mountSmallDisk(): { path: string; unmount(): void } | null {
  const path = mkdtempSync(join(tmpdir(), "norns-small-disk-"));
  const unmount = () => {
    spawnSync("umount", ["-l", path]);
    rmSync(path, { recursive: true });
  };
  if (process.getuid?.() === 0 && spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m,mode=711", "tmpfs", path]).status === 0)
    return { path, unmount };
  rmSync(path, { recursive: true });
  return null;
}

const disk = mountSmallDisk();

describe("a full disk", () => {
  it.skipIf(!disk)(
    `stops no app: what is lost is declared, what is asked for fails clearly, and all goes on with space${disk ? "" : " (skipped: needs root and leave to mount)"}`,
    async () => {
      const { path, unmount } = disk!;
      chmodSync(path, 0o711);
      const ballast = join(path, "ballast");
      const under = await aProcessEngine({ home: join(path, "home") });
      const signal = new AbortController().signal;
      try {
        const loud = aWorkload(
          under.artifact,
          "loud",
          aGroup("exec node -e 'let i=0; setInterval(()=>{ for (let k=0;k<50;k++) console.log(`line ${++i} ${\"x\".repeat(60)}`) }, 5)'"),
        );
        const [instance] = await under.engine.apply(loud, { keepUp: true, signal });
        const lines = async () =>
          (await linesOf(under.engine, loud)).flatMap((entry) => ("text" in entry ? [Number(/^line (\d+)/.exec(entry.text)?.[1])] : []));
        await until("lines", async () => (await lines()).length > 100);
        spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
        await new Promise((resolve) => setTimeout(resolve, 1_500));

        // Nothing new can be promised while nothing can be written down.
        const late = aWorkload(under.artifact, "late", aGroup("sleep 500"));
        const failure = await under.engine.apply(late, { keepUp: true, signal }).then(
          (instances) => instances.map(({ state }) => state),
          (error: { code: string }) => error.code,
        );
        expect(["disk_full", "ENOSPC"]).toContain(failure);
        expect(await under.engine.observe(loud)).toMatchObject([{ id: instance!.id, state: "running", restarts: 0 }]);

        rmSync(ballast);
        const before = (await lines()).at(-1)!;
        await until("lines again", async () => (await lines()).at(-1)! > before + 500);
        const entries = await linesOf(under.engine, loud);
        const gaps = entries.flatMap((entry) => ("gap" in entry ? [entry.gap] : []));
        expect(gaps.length).toBeGreaterThan(0);
        expect(gaps.reduce((sum, gap) => sum + (gap.bytes ?? 0), 0)).toBeGreaterThan(10_000);
        let last = 0;
        let isAfterGap = false;
        for (const entry of entries) {
          if ("gap" in entry) isAfterGap = true;
          else if (/^line \d+ x{60}$/.test(entry.text)) {
            const number = Number(entry.text.split(" ")[1]);
            expect(number === last + 1 || isAfterGap, `line ${number} after ${last}`).toBe(true);
            last = number;
            isAfterGap = false;
          }
        }
        expect(await under.engine.apply(late, { keepUp: true, signal })).toHaveLength(1);

        // Stopping needs no space.
        spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
        await under.engine.stop([instance!.id], { signal });
        expect(await under.engine.observe(loud)).toEqual([]);
        rmSync(ballast);
      } finally {
        rmSync(ballast, { force: true });
        await under.cleanUp().finally(unmount);
      }
    },
    60_000,
  );
});
