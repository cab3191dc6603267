#!/usr/bin/env node
/** `norns`: the command line. Until it is bundled, this runs it from source. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureDependencies } from "../scripts/launch/dependencies.mjs";
import { giveUp, root } from "../scripts/launch/root.mjs";
import { run } from "../scripts/launch/run.mjs";

const main = join(root, "programs", "cli", "main.ts");
if (!existsSync(main)) giveUp("this checkout has no command line yet.");
await ensureDependencies();
run(main, process.argv.slice(2));
