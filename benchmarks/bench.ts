/** `npm run bench -- [name…] [--json]`: one line a figure; exit code 1 when a bound is missed. */
import { benchmarks } from "./benchmarks.ts";
import type { Row } from "./measure.ts";

const words = process.argv.slice(2);
const isJson = words.includes("--json");
const wanted = words.filter((word) => !word.startsWith("--"));
const unknown = wanted.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0 || words.includes("--help")) {
  for (const benchmark of benchmarks) console.log(`${benchmark.name.padEnd(20)} ${benchmark.about}`);
  if (unknown.length > 0) console.error(`There is no benchmark "${unknown[0]}".`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const figure = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
let missed = 0;
for (const benchmark of benchmarks) {
  if (wanted.length > 0 && !wanted.includes(benchmark.name)) continue;
  const missing = await benchmark.missing?.();
  if (missing) {
    console.error(`${benchmark.name}: not run: ${missing}`);
    continue;
  }
  for (const row of await benchmark.run()) {
    if (!row.pass) missed++;
    console.log(isJson ? JSON.stringify(row) : draw(row));
  }
}
process.exitCode = missed > 0 ? 1 : 0;

function draw(row: Row): string {
  return `${row.pass ? "ok  " : "MISS"} ${row.name.padEnd(44)} ${figure(row.ours).padStart(9)} / ${figure(row.limit).padStart(9)} ${row.unit.padEnd(6)} ratio ${row.ratio.toFixed(2)}  (${row.bound})${row.note ? `\n     ${row.note}` : ""}`;
}
