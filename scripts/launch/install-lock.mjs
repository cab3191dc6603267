/**
 * One installation at a time: two `npm start` of one checkout would otherwise delete each other's node_modules.
 * The lock is a file that holds the owner's pid; an owner that is gone has lost it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

const directory = join(root, ".cache");
const file = join(directory, "install.lock");

/** Runs `work` as the only one; waits for whoever is at it. */
export async function aloneInstalling(work) {
  mkdirSync(directory, { recursive: true });
  let hasSaidSo = false;
  while (!take()) {
    if (!hasSaidSo) process.stderr.write("norns: another start is installing dependencies; waiting for it\n");
    hasSaidSo = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function take() {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const owner = readOwner();
  // An empty file is a lock being written this moment; only a pid that is gone frees it.
  if (owner !== undefined && !isAlive(owner)) rmSync(file, { force: true });
  return false;
}

function readOwner() {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
