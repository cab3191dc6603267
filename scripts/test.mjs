/** `npm test`: sets up what is missing and runs the tests. Arguments go to vitest: `npm test -- kernel/http`. */
import { join } from "node:path";
import { ensureDependencies } from "./launch/dependencies.mjs";
import { root } from "./launch/root.mjs";
import { run } from "./launch/run.mjs";

await ensureDependencies();
process.chdir(root);
run(join(root, "node_modules", "vitest", "vitest.mjs"), ["run", ...process.argv.slice(2)], { flags: [] });
