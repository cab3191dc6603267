/** The Node that runs Norns: 24 or later. The machine's own when it is new enough, else the one npm brought. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { giveUp, root } from "./root.mjs";

const needed = 24;
const packaged = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");

export function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= needed) return process.execPath;
  if (existsSync(packaged) && spawnSync(packaged, ["--version"]).status === 0) return packaged;
  return giveUp(
    `this needs Node ${needed} or later. The machine has ${process.version}, and npm brings Node ${needed} only for Linux with glibc on ` +
      `x64 and arm64 (this is ${process.platform} on ${process.arch}). Install Node ${needed} from https://nodejs.org/en/download and try again.`,
  );
}
