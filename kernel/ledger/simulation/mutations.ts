/**
 * Would the simulation notice? Three safeguards are taken out of the real files, one at a time, in a copy of the kernel;
 * each must be caught within 200 seeds. Run as a script: exit code 0 when all are.
 *
 *   node kernel/ledger/simulation/mutations.ts
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Each text must stand in the file exactly once. */
  readonly replace: readonly (readonly [from: string, to: string])[];
}

const mutations: readonly Mutation[] = [
  {
    name: "the epoch check is removed",
    file: "ledger/save.ts",
    replace: [
      ["and epoch = s.in_epoch and owner = s.by_owner and revision = s.from_revision", ""],
      ["and o.epoch = s.in_epoch and o.owner = s.by_owner and o.revision = s.to_revision", ""],
    ],
  },
  {
    name: "a probe is ignored",
    file: "ledger/run-step.ts",
    replace: [["if (found) return found;", ""]],
  },
  {
    name: "ids in a flush are not de-duplicated",
    file: "ledger/group-commit.ts",
    replace: [[" || busyIds.has(id)", ""]],
  },
];

const kernel = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const seeds = 200;

export async function runMutation(mutation: Mutation | undefined): Promise<{ caught: boolean; output: string }> {
  const copy = await mkdtemp(join(tmpdir(), "norns-mutation-"));
  try {
    await cp(kernel, join(copy, "kernel"), {
      recursive: true,
      filter: (path) => !relative(kernel, path).split("/").includes("node_modules"),
    });
    await symlink(join(dirname(kernel), "node_modules"), join(copy, "node_modules"));
    if (mutation) {
      const file = join(copy, "kernel", mutation.file);
      let text = await readFile(file, "utf8");
      for (const [from, to] of mutation.replace) {
        if (text.split(from).length !== 2) throw new Error(`The text to change stands not exactly once in ${mutation.file}: ${from}`);
        text = text.replace(from, to);
      }
      await writeFile(file, text);
    }
    const { code, output } = await simulate(join(copy, "kernel/ledger/simulation/simulate.ts"));
    return { caught: code !== 0 && /seed \d+: /.test(output), output };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function simulate(file: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, "--seeds", String(seeds)], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", reject).once("close", (code) => resolve({ code, output }));
  });
}

if (import.meta.main) {
  const untouched = await runMutation(undefined);
  const found = untouched.output.match(/seed \d+: .*/)?.[0];
  console.log(`untouched: ${found ?? "no violations"}`);
  let isGood = found === undefined;
  for (const mutation of mutations) {
    const { caught, output } = await runMutation(mutation);
    isGood &&= caught;
    console.log(
      `${mutation.name}: ${caught ? `caught (${output.match(/seed \d+: .*/)?.[0] ?? ""})` : `NOT caught in ${seeds} seeds\n${output}`}`,
    );
  }
  process.exitCode = isGood ? 0 : 1;
}
