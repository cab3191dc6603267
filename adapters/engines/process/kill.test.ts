/** The supervisor dies by SIGKILL at any moment: what runs runs on, and its log is exact or says where it is not. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import { aGroup, aWorkload, linesOf } from "./fixtures.ts";
import { aProcessEngine, type ProcessEngineUnderTest } from "./testing.ts";

let under: ProcessEngineUnderTest;
beforeAll(async () => {
  under = await aProcessEngine();
});
afterAll(() => under.cleanUp());

const signal = new AbortController().signal;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a supervisor killed at random", () => {
  it("30 times under log load loses no instance and no line without saying so", async () => {
    // About 20,000 lines a second from one, a trickle from the other.
    const loud = aWorkload(
      under.artifact,
      "loud",
      aGroup(
        'exec node -e \'let i=0; const go=()=>{ let s=""; for (let k=0;k<200;k++) s+=`line ${++i} ${"x".repeat(40)}\\n`; process.stdout.write(s, ()=>setTimeout(go,10)); }; go()\'',
      ),
    );
    const quiet = aWorkload(under.artifact, "quiet", aGroup("i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done"));
    const before = [
      ...(await under.engine.apply(loud, { keepUp: true, signal })),
      ...(await under.engine.apply(quiet, { keepUp: true, signal })),
    ];
    for (let round = 0; round < 30; round++) {
      await until("a supervisor", async () => under.findSupervisor() !== null || (await under.engine.observe()).length > 0);
      await pause(Math.random() * 250);
      if (under.findSupervisor() !== null) await under.killSupervisor();
      if (round % 3 === 0) await pause(Math.random() * 200);
      void under.engine.observe().catch(() => {});
    }
    const after = await under.engine.observe();
    expect(
      after.map(({ id, handle, restarts, state }) => ({ id, handle, restarts, state })).sort((a, b) => a.id.localeCompare(b.id)),
    ).toEqual(before.map(({ id, handle }) => ({ id, handle, restarts: 0, state: "running" })).sort((a, b) => a.id.localeCompare(b.id)));
    await pause(300);
    await under.engine.stop(
      after.map(({ id }) => id),
      { signal },
    );

    for (const workload of [loud, quiet]) {
      const entries = await linesOf(under.engine, workload);
      let last = 0;
      let isAfterGap = false;
      let lines = 0;
      let silent = 0;
      for (const entry of entries) {
        if ("gap" in entry) {
          isAfterGap = true;
          continue;
        }
        const number = /^line (\d+)(?: x{40})?$/.exec(entry.text)?.[1];
        // Beside a gap a line may be half; nowhere else.
        if (number === undefined) continue;
        lines++;
        if (Number(number) !== last + 1 && !isAfterGap) silent++;
        expect(Number(number)).toBeGreaterThan(last);
        last = Number(number);
        isAfterGap = false;
      }
      expect(silent, `${workload.app}: lines missing without a gap, of ${lines}`).toBe(0);
      expect(lines).toBeGreaterThan(100);
    }
  }, 120_000);

  it("while it starts, stops and restarts instances leaves each either whole or gone", async () => {
    const groups = (count: number) =>
      aWorkload(under.artifact, "churn", aGroup("trap 'exit 0' TERM; while :; do sleep 0.05; done", { count }));
    const base = groups(1);
    for (let round = 0; round < 12; round++) {
      const count = 1 + (round % 4);
      const wanted = { ...base, groups: groups(count).groups };
      const applying = under.engine.apply(wanted, { keepUp: true, signal });
      await pause(Math.random() * 40);
      if (under.findSupervisor() !== null) await under.killSupervisor();
      // The client asks again: the answer is of the supervisor that took over.
      expect(new Set((await applying).map(({ index }) => index))).toEqual(new Set(Array.from({ length: count }, (_, index) => index)));
      await until("what was asked for", async () => {
        const found = await under.engine.observe(base);
        return found.length === count && found.every(({ state }) => state === "running");
      });
      if (round % 3 === 0) {
        const [one] = await under.engine.observe(base);
        const restarting = under.engine.restart(one!.id, { signal });
        await pause(Math.random() * 40);
        await under.killSupervisor();
        await restarting;
        await until("all running", async () => (await under.engine.observe(base)).every(({ state }) => state === "running"));
      }
    }
    const stopping = under.engine.stop(
      (await under.engine.observe(base)).map(({ id }) => id),
      { signal },
    );
    await pause(5);
    await under.killSupervisor();
    await stopping;
    expect(await under.engine.observe(base)).toEqual([]);
  }, 120_000);
});
