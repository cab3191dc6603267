/**
 * `npm run check`: everything that can be known without running the product, in under a minute. Each failure names the
 * file to open. `npm run check -- types borders` runs only those; `--fix` formats, draws every generated file anew
 * (openapi.json, the client, the documents) and mends what lint can mend.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBorders } from "./check/borders.ts";
import { checkTree } from "./check/tree.ts";
import { checkArchitecture } from "./check/architecture.ts";
import { checkAttacks } from "./check/attacks.ts";
import { checkErrors } from "./check/errors.ts";
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

/** A generator: says whether what it would write differs from what is there, or with `--fix` writes it. */
const generator = (script: string) => tool("node", [join(root, script), ...(isFix ? [] : ["--check"])]);

const checks: readonly { readonly name: string; readonly run: () => Promise<string[]> }[] = [
  { name: "types", run: tool("tsc", ["-p", "."]) },
  { name: "borders", run: () => checkBorders(root) },
  { name: "lint", run: tool("oxlint", ["--quiet", ...(isFix ? ["--fix"] : [])]) },
  { name: "format", run: tool("oxfmt", [isFix ? "--write" : "--check", "."]) },
  { name: "dead-code", run: tool("knip", ["--no-progress", "--no-config-hints"]) },
  { name: "tree", run: () => Promise.resolve(checkTree(root)) },
  { name: "architecture", run: () => Promise.resolve(checkArchitecture(root, { isFix })) },
  { name: "attacks", run: () => Promise.resolve(checkAttacks(root, { isFix })) },
  { name: "errors", run: () => checkErrors(root, { isFix }) },
  { name: "openapi", run: generator("scripts/openapi.ts") },
  { name: "truth-table", run: generator("scripts/truth-table.ts") },
  { name: "configuration", run: generator("scripts/configuration.ts") },
  { name: "client", run: generator("scripts/client.ts") },
  { name: "documents", run: generator("scripts/documents.ts") },
  { name: "workers", run: () => checkWorkersBundle(root) },
];

/** Two at once, for the two cores of a small machine; said in their order, each as soon as it can be. */
const atOnce = 2;

async function timed({ name, run }: (typeof checks)[number]) {
  const started = performance.now();
  const problems = await run();
  return { name, problems, seconds: ((performance.now() - started) / 1000).toFixed(1) };
}

const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const results = chosen.map(() => Promise.withResolvers<Awaited<ReturnType<typeof timed>>>());
let next = 0;
// What mends files goes alone: two must not write the same one.
const lanes = Array.from({ length: isFix ? 1 : atOnce }, async () => {
  for (let index = next++; index < chosen.length; index = next++) results[index]!.resolve(await timed(chosen[index]!));
});
Promise.all(lanes).catch((error: unknown) => results.forEach(({ reject }) => reject(error)));

let failures = 0;
for (const { promise } of results) {
  const { name, problems, seconds } = await promise;
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} ${seconds} s`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, "     "));
  if (problems.length > 0) failures++;
}
if (failures > 0) {
  console.error(
    `\n${failures} of ${chosen.length} checks failed. \`npm run check -- --fix\` formats, draws generated files anew and mends what lint can mend.`,
  );
  process.exitCode = 1;
}
