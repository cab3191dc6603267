/**
 * Which servers run on this NORNS_HOME: a file each in `run/servers`, named after the process, with its start time, so
 * that a number that the system gave to somebody else since is not mistaken for ours. `norns down` reads them.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ServerProcess {
  readonly pid: number;
  /** What `ps` or /proc says; compared, never read. */
  readonly startTime: string;
}

const folderOf = (home: string): string => join(home, "run", "servers");

/** Writes this process's file; it goes with the process, but for a kill -9. */
export function recordServer(home: string): void {
  const folder = folderOf(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, String(process.pid));
  writeFileSync(file, startTimeOf(process.pid) ?? "", { mode: 0o600 });
  process.once("exit", () => rmSync(file, { force: true }));
}

/** Those that live. What a killed one left is removed. */
export function findServers(home: string): ServerProcess[] {
  const servers: ServerProcess[] = [];
  for (const name of namesIn(folderOf(home))) {
    const file = join(folderOf(home), name);
    const startTime = readFileSync(file, "utf8");
    const server = { pid: Number(name), startTime };
    if (isStillThere(server)) servers.push(server);
    // An empty file is one that is being written this moment, or of a system that tells no start times.
    else if (startTime !== "") rmSync(file, { force: true });
  }
  return servers;
}

export const isStillThere = ({ pid, startTime }: ServerProcess): boolean => startTime !== "" && startTimeOf(pid) === startTime;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined when there is no such process, or only what its parent has not yet taken note of. */
function startTimeOf(pid: number): string | undefined {
  try {
    if (process.platform !== "linux")
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command may contain spaces and brackets: fields count from behind its last one. 22 is starttime, 3 the state.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
