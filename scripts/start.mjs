/** `npm start`: sets up what is missing and runs the server. Arguments go to programs/server/main.ts (`--help` lists them). */
import { join } from "node:path";
import { ensureDependencies } from "./launch/dependencies.mjs";
import { root } from "./launch/root.mjs";
import { run } from "./launch/run.mjs";

await ensureDependencies();
run(join(root, "programs", "server", "main.ts"), process.argv.slice(2));
