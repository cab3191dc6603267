/**
 * `npm run check`: everything that can be known without running the product, in under a minute. Each failure names the
 * file to open. `npm run check -- types borders` runs only those; `--fix` mends what can be mended.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBorders } from "./check/borders.ts";
import { checkTree } from "./check/tree.ts";
import { checkArchitecture } from "./check/architecture.ts";
import { checkWorkersBundle } from "./check/workers-bundle.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isFix = process.argv.includes("--fix");
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));

/** Resolves with the output when the tool fails, with nothing when it passes. */
function tool(name: string, args: readonly string[]): () => Promise<string[]> {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(join(root, "node_modules/.bin", name), args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
      const chunks: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
      child.on("error", reject);
      child.on("close", (code) => resolve(code === 0 ? [] : [Buffer.concat(chunks).toString("utf8").trim()]));
    });
}

/** A generator run in `--check` mode: fails when what it would write differs from what is committed. */
const generator = (script: string) => tool("node", [join(root, script), "--check"]);

const checks: readonly { readonly name: string; readonly run: () => Promise<string[]> }[] = [
  { name: "types", run: tool("tsc", ["-p", "."]) },
  { name: "borders", run: () => checkBorders(root) },
  { name: "lint", run: tool("oxlint", ["--quiet", ...(isFix ? ["--fix"] : [])]) },
  { name: "format", run: tool("oxfmt", [isFix ? "--write" : "--check", "."]) },
  { name: "dead-code", run: tool("knip", ["--no-progress", "--no-config-hints"]) },
  { name: "tree", run: () => Promise.resolve(checkTree(root)) },
  { name: "architecture", run: () => Promise.resolve(checkArchitecture(root, { isFix })) },
  { name: "openapi", run: generator("scripts/openapi.ts") },
  { name: "workers", run: () => checkWorkersBundle(root) },
];

let failures = 0;
for (const { name, run } of checks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = performance.now();
  const problems = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} ${seconds} s`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, "     "));
  if (problems.length > 0) failures++;
}
if (failures > 0) {
  console.error(`\n${failures} of ${checks.length} checks failed. \`npm run check -- --fix\` mends format and what lint can mend.`);
  process.exitCode = 1;
}
