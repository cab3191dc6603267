/** `node scripts/run.mjs FILE …`: runs a TypeScript file of ours with the same set-up as the server. */
import { resolve } from "node:path";
import { ensureDependencies } from "./launch/dependencies.mjs";
import { giveUp } from "./launch/root.mjs";
import { run } from "./launch/run.mjs";

const [file, ...args] = process.argv.slice(2);
if (!file) giveUp("usage: node scripts/run.mjs FILE [arguments]", 2);
await ensureDependencies();
run(resolve(file), args);
