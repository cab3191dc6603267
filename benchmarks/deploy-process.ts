/** What a deployment costs besides git, the app's own build and the wait until the app is healthy. */
import { atMost, median, type Benchmark } from "./measure.ts";
import { anAppsDirectory, commit, copyExample, deploy, ourServer, untilListed } from "./server.ts";

const rounds = 6;
const boundMs = 300;
/** Git, the user's build, and the wait for the user's app. */
const others = ["clone", "build", "healthy"];

export const deployProcess: Benchmark = {
  name: "deploy-process",
  about: "a deployment on the process engine, without git, build and health wait",
  async run() {
    await using apps = await anAppsDirectory();
    const directory = await copyExample("01-hello", apps.path, "hello");
    await using server = await ourServer({ env: { NORNS_APPS_DIR: apps.path } });
    await untilListed(server, "hello");
    const own: number[] = [];
    const parts: Record<string, number[]> = {};
    for (let round = 0; round <= rounds; round++) {
      await commit(directory, `round ${round}`);
      const { operation, steps } = await deploy(server, "hello");
      // The first also starts the supervisor; it has nothing to drain either.
      if (round === 0) continue;
      const total = operation.finishedAt - operation.createdAt;
      own.push(total - others.reduce((sum, step) => sum + (steps[step] ?? 0), 0));
      for (const [step, ms] of Object.entries({ total, ...steps })) (parts[step] ??= []).push(ms);
    }
    const note = Object.entries(parts)
      .map(([step, ms]) => `${step} ${median(ms).toFixed(0)}`)
      .join(", ");
    return [
      { ...atMost("deploy, process engine, our own part", median(own), boundMs, "ms", `≤ ${boundMs} ms`), note: `medians in ms: ${note}` },
    ];
  },
};
