/** `kill -9` of every part at every step. Afterwards the machine, the files and the database agree. */
import { describe, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { aDatabase } from "@norns/adapters/stores/testing";
import { app, aProving, ask, begin, dice, kill, randomRun, settle, startDeploy, summary } from "./kill-run.ts";
import { until } from "./installation.ts";
import { findNoDocker } from "./machine.ts";

const runs = Number(process.env["NORNS_KILL_RUNS"] ?? 12);
const noDocker = await findNoDocker();
if (noDocker) console.log(`skipped: kill -9 with the Docker engine (${noDocker})`);

const steps = ["clone", "build", "test", "migrate", "submit", "healthy", "cleanup"] as const;

describe("kill -9", () => {
  it("of the server at every step of a deployment leaves it finished and nothing else", { timeout: 240_000 }, async () => {
    await using proving = await aProving();
    for (const [index, step] of steps.entries()) {
      const id = await startDeploy(proving, `step${index}`);
      await proving.place.untilStep(id, step, index % 2 === 0 ? "start" : "complete");
      await kill(proving, "server");
      await settle(proving, `killed at ${step}`, [id]);
    }
    console.log(`server at every step: ${summary(proving.notes)}`);
    expect(proving.notes.wrong).toEqual([]);
  });

  it(
    `of server, supervisor and PostgreSQL at ${runs} random times leaves every change finished and nothing else`,
    { timeout: 60_000 + runs * 40_000 },
    async () => {
      await using proving = await aProving();
      const roll = dice(Number(process.env["NORNS_KILL_SEED"] ?? Date.now() % 100_000));
      for (let number = 1; number <= runs; number++) await randomRun(proving, number, roll);
      console.log(`process engine: ${summary(proving.notes)}`);
      expect(proving.notes.wrong).toEqual([]);
    },
  );

  it("of PostgreSQL under load loses no operation that was accepted", { timeout: 120_000 }, async () => {
    await using proving = await aProving();
    const accepted: string[] = [];
    let refused = 0;
    let isOver = false;
    const load = (async () => {
      for (let count = 0; !isOver; count++) {
        try {
          accepted.push(await ask(proving, "POST", `/api/apps/${app}/scale`, { process: "web", count: 1 + (count % 2) }));
        } catch {
          refused++; // The database is away: no 202, no promise.
        }
        await sleep(100);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await sleep(500);
      // It may still be on its way up from the last time.
      await until("PostgreSQL to kill", () => kill(proving, "postgres"), 20_000);
      await sleep(500);
    }
    isOver = true;
    await load;
    expect(accepted.length).toBeGreaterThan(0);
    await settle(proving, "PostgreSQL killed under load", accepted);
    console.log(`PostgreSQL under load: ${accepted.length} accepted, ${refused} refused; ${summary(proving.notes)}`);
    expect(proving.notes.wrong).toEqual([]);
  });

  it("of one of two workers, with two APIs on one database, is made good by the other within a lease", { timeout: 120_000 }, async () => {
    await using db = await aDatabase([]);
    await using proving = await aProving({ env: { DATABASE_URL: db.url }, isStarted: false });
    const { place } = proving;
    await place.start({ args: ["--role", "api"] });
    await place.start({ args: ["--role", "api"] });
    const startWorker = () => place.start({ args: ["--role", "worker"], servesHttp: false });
    const workers = [await startWorker(), await startWorker()];
    await begin(proving);
    for (const [index, step] of (["build", "submit", "healthy"] as const).entries()) {
      const id = await startDeploy(proving, `worker${index}`);
      await place.untilStep(id, step, "start");
      // Whoever has it: the first of the two in turn, then the other.
      const victim = workers.shift()!;
      victim.child.kill("SIGKILL");
      await victim.exited;
      proving.notes.kills["worker"] = (proving.notes.kills["worker"] ?? 0) + 1;
      await settle(proving, `worker killed at ${step}`, [id], db.url);
      workers.push(await startWorker());
    }
    console.log(`two APIs, two workers: ${summary(proving.notes)}`);
    expect(proving.notes.wrong).toEqual([]);
  });

  it.skipIf(noDocker)(
    "of the server during deployments with Docker leaves every change finished and nothing else",
    { timeout: 240_000 },
    async () => {
      await using proving = await aProving({ engine: "docker" });
      for (const [index, step] of (["build", "submit", "healthy"] as const).entries()) {
        const id = await startDeploy(proving, `step${index}`);
        await proving.place.untilStep(id, step, "start");
        await kill(proving, "server");
        await settle(proving, `killed at ${step}`, [id]);
      }
      console.log(`Docker engine: ${summary(proving.notes)}`);
      expect(proving.notes.wrong).toEqual([]);
    },
  );
});
