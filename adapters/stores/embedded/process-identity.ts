/** Whether a process id still means the process it once meant. */
import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/** What tells a process apart from a later one of the same id; undefined when there is none. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    // The command may contain spaces and brackets: fields count from behind its last one. 22 is starttime, 3 the state.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  }
  return await psField(pid, "lstart");
}

export const isAlive = async (pid: number): Promise<boolean> => (await startTimeOf(pid)) !== undefined;

/** True when the process is the PostgreSQL server of this data directory (its working directory). */
export async function isPostmasterOf(pid: number, dataDirectory: string): Promise<boolean> {
  if (process.platform === "linux") {
    if (!(await isAlive(pid))) return false;
    const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    if (directory !== undefined) return directory === dataDirectory;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return command.split("\0").includes(dataDirectory);
  }
  return ((await psField(pid, "command")) ?? "").includes(dataDirectory);
}

async function psField(pid: number, field: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", `${field}=`, "-p", String(pid)]);
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}
