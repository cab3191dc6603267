/** The entry: fast words first, then parse, run, and one place where errors become lines and exit codes. */
import { version } from "./version.ts";

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === "--version" || argv[0] === "-V") {
    process.stdout.write(`${version}\n`);
    return;
  }
  // Came with Node 20.16 and 22.3. Only older ones pay for the import.
  process.getBuiltinModule ??= (await import("node:module")).createRequire(import.meta.url) as typeof process.getBuiltinModule;
  const { runCommandLine } = await import("./run.ts");
  process.exitCode = await runCommandLine(argv, {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    directory: process.cwd(),
  });
}

// A reader that closed early (`norns logs | head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
await main();
