/**
 * Dependencies are there, and are those of package-lock.json. A stamp in node_modules holds the lock file's hash, so the
 * usual start reads one file and goes on; a checkout that somebody installed by hand is recognised, not reinstalled.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aloneInstalling } from "./install-lock.mjs";
import { giveUp, root } from "./root.mjs";

const stampFile = join(root, "node_modules", ".norns-installed");

export async function ensureDependencies() {
  const wanted = hashOfLock();
  if (readStamp() === wanted) return;
  if (!isInstalled())
    await aloneInstalling(async () => {
      if (!isInstalled()) await install();
    });
  writeStamp(wanted);
}

function hashOfLock() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined;
  }
}

function writeStamp(hash) {
  try {
    writeFileSync(stampFile, hash);
  } catch (error) {
    // A read-only image: the comparison below costs 20 ms a start instead.
    if (error.code !== "EACCES" && error.code !== "EROFS") throw error;
  }
}

/** npm's own record of what it put into node_modules says the same as the lock file. Optional packages may be absent. */
function isInstalled() {
  try {
    const there = JSON.parse(readFileSync(join(root, "node_modules", ".package-lock.json"), "utf8")).packages;
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (!path.includes("node_modules/")) return true;
      const found = there[path];
      if (!found) return Boolean(entry.optional || entry.peer) && !existsSync(join(root, path));
      return found.version === entry.version;
    });
  } catch {
    return false;
  }
}

async function install() {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const isTerminal = Boolean(process.stderr.isTTY);
  process.stderr.write(`norns: installing dependencies (first start, or the lock file changed)${isTerminal ? "" : "\n"}`);
  const ticker = isTerminal
    ? setInterval(() => process.stderr.write(`\rnorns: installing dependencies … ${seconds()} s\x1b[K`), 1000)
    : undefined;
  const { code, output } = await runNpm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  clearInterval(ticker);
  if (isTerminal) process.stderr.write("\r\x1b[K");
  if (code === 0) return void process.stderr.write(`norns: dependencies installed in ${seconds()} s\n`);
  process.stderr.write(`${output.split("\n").slice(-40).join("\n")}\n`);
  giveUp(`npm could not install the dependencies (exit code ${code}). Its last lines are above; \`npm ci\` in ${root} shows all of them.`);
}

/** npm of the command that started us, so that `npm start` with any npm uses that same one. */
function runNpm(args) {
  const script = process.env.npm_execpath;
  const isNpm = script && /npm-cli\.[cm]?js$/.test(script);
  const [file, argv] = isNpm ? [process.execPath, [script, ...args]] : ["npm", args];
  return new Promise((resolve) => {
    const child = spawn(file, argv, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: environmentForNpm() });
    let output = "";
    const keep = (chunk) => (output = (output + chunk).slice(-64_000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => resolve({ code: 127, output: `${output}\n${error.message}` }));
    child.on("close", (code, signal) => resolve({ code: code ?? `signal ${signal}`, output }));
  });
}

/** `npm start` inside a production image sets NODE_ENV=production, which would leave out what tests and checks need. */
function environmentForNpm() {
  const { NODE_ENV: _, npm_config_omit: __, ...rest } = process.env;
  return rest;
}
