/** What an installation that is set up and has one app costs while nothing happens, and how soon it is ready. */
import { aHome } from "../programs/server/testing.ts";
import { atMost, median, type Benchmark } from "./measure.ts";
import { cpuMs, memoryOf, together, type Memory } from "./processes.ts";
import { anAppsDirectory, claim, copyExample, deploy, ourServer, supervisorPid, untilListed } from "./server.ts";

const restSeconds = 60;
const watchSeconds = 20;
const starts = 4;

export const footprint: Benchmark = {
  name: "footprint",
  about: "memory and CPU of server and supervisor at rest, and the time from launcher to ready",
  async run() {
    await using home = await aHome();
    await using apps = await anAppsDirectory();
    await copyExample("01-hello", apps.path, "hello");
    const options = { home: home.home, env: { NORNS_APPS_DIR: apps.path } };
    let person: { email: string; password: string };
    {
      await using first = await ourServer(options);
      person = await claim(first);
      await untilListed(first, "hello");
      await deploy(first, "hello");
    }
    const ready: number[] = [];
    const startCpu: number[] = [];
    for (let round = 0; round < starts; round++) {
      const started = performance.now();
      // Disposing stops the server; supervisor and app stay, as they do.
      await using again = await ourServer(options);
      ready.push(performance.now() - started);
      startCpu.push(await cpuMs(again.child.pid!));
    }
    await using server = await ourServer(options);
    const supervisor = await supervisorPid(home.home);
    if (supervisor === undefined) throw new Error("There is no supervisor.");
    const pids = [server.child.pid!, supervisor];
    const sum = async (of: (pid: number) => Promise<number>) => (await Promise.all(pids.map(of))).reduce((total, one) => total + one, 0);
    await new Promise((resolve) => setTimeout(resolve, (restSeconds - watchSeconds) * 1000));
    const before = await sum(cpuMs);
    await new Promise((resolve) => setTimeout(resolve, watchSeconds * 1000));
    const cpu = (((await sum(cpuMs)) - before) / (watchSeconds * 1000)) * 100;
    const resident = await Promise.all(pids.map(memoryOf));

    const answer = await fetch(`${server.url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: person.email, password: person.password }),
    });
    if (answer.status !== 200) throw new Error(`Signing in was answered with ${answer.status}.`);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const signedIn = await Promise.all(pids.map(memoryOf));
    return [
      { ...atMost("server and supervisor, resident after 60 s", together(resident), 130, "MB", "≤ 130 MB"), note: describe(resident) },
      { ...atMost("the same after one sign-in", together(signedIn), 170, "MB", "≤ 170 MB"), note: describe(signedIn) },
      atMost("CPU at rest", cpu, 0.5, "%", "≤ 0.5 % of a core"),
      {
        ...atMost("launcher → ready, set up", median(ready), 1_500, "ms", "≤ 1.5 s"),
        note: `${median(startCpu).toFixed(0)} ms of CPU in launcher and server`,
      },
    ];
  },
};

const describe = (all: readonly Memory[]): string =>
  ["server", "supervisor"]
    .map((name, index) => `${name} ${all[index]!.own.toFixed(1)} MB of its own and ${all[index]!.ofFiles.toFixed(1)} MB of files`)
    .join(", ");
