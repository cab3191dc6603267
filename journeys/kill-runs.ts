/** `node scripts/run.mjs journeys/kill-runs.ts --runs 200 --engine process|docker [--seed S]`: kills at random times. */
import { parseArgs } from "node:util";
import { aProving, dice, randomRun, summary, type EngineName } from "./kill-run.ts";
import { findNoDocker } from "./machine.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    engine: { type: "string", default: "process" },
    seed: { type: "string", default: "1" },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
const { engine } = values;
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed) || (engine !== "process" && engine !== "docker")) {
  console.error("usage: node scripts/run.mjs journeys/kill-runs.ts --runs N --engine process|docker [--seed S]");
  process.exit(2);
}
const reason = engine === "docker" ? await findNoDocker() : undefined;
if (reason) {
  console.error(`Nothing was run: ${reason}.`);
  process.exit(2);
}

// Asked to stop, it ends the run it is at and clears away.
let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (isStopping = true));

await using proving = await aProving({ engine: engine as EngineName });
const roll = dice(seed);
for (let number = 1; number <= runs && !isStopping; number++) {
  const known = proving.notes.wrong.length;
  await randomRun(proving, number, roll);
  // A Ctrl-C reaches the server of the run as well: what that leaves is no finding.
  if (isStopping) proving.notes.wrong.length = known;
  for (const problem of proving.notes.wrong.slice(known)) console.log(`✕ ${problem}`);
  if (number % 10 === 0) console.log(`… ${summary(proving.notes)}`);
}
console.log(`${engine}, seed ${seed}: ${summary(proving.notes)}`);
process.exitCode = proving.notes.wrong.length === 0 ? 0 : 1;
