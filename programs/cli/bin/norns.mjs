#!/usr/bin/env node
// The command is bundled by `npm ci` (script `prepare`) so that it starts as fast as Node itself, on any Node from 18 on.
import("../dist/norns.mjs").catch((error) => {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write("norns: the command has not been built yet. Run `npm ci` (or `npm start`) in the Norns checkout first.\n");
  process.exitCode = 1;
});
