/** Processes beside the one that measures: each side of a comparison has one of its own, with the Node flags of `npm start`. */
import { fork } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Answer, Ask, Handlers } from "./sides/answer.ts";

export interface Side<Of extends Handlers> extends AsyncDisposable {
  readonly pid: number;
  ask<Name extends keyof Of & string>(name: Name, input: Parameters<Of[Name]>[0]): Promise<Awaited<ReturnType<Of[Name]>>>;
}

/** Those of scripts/launch/run.mjs. */
const flags = ["--max-semi-space-size=2", "--disable-warning=ExperimentalWarning"];
const environment = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" };

/** Starts `sides/<file>`. Disposing ends it. `nodeFlags` come on top, for a profile. */
export async function aSide<Of extends Handlers>(file: string): Promise<Side<Of>> {
  const child = fork(fileURLToPath(new URL(`sides/${file}`, import.meta.url)), [], {
    execArgv: [...flags, ...profileFlags(file)],
    env: { ...process.env, ...environment },
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let asked = 0;
  const gone = new Promise<void>((resolve) =>
    child.once("exit", (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code ?? signal} before it answered.`));
      waiting.clear();
      resolve();
    }),
  );
  child.on("message", (message) => {
    // The cast: only answer.ts sends on this channel.
    const answer = message as Answer;
    const waiter = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) waiter?.reject(new Error(`${file}: ${answer.error}`));
    else waiter?.resolve(answer.value as never);
  });
  const side: Side<Of> = {
    pid: child.pid!,
    ask: (name, input) =>
      new Promise((resolve, reject) => {
        const ask: Ask = { id: ++asked, name, input };
        waiting.set(ask.id, { resolve, reject });
        child.send(ask, (error) => error && reject(error));
      }),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await gone;
      clearTimeout(timer);
    },
  };
  return side;
}

/** `NORNS_BENCH_PROFILE=our-operations.ts` leaves a .cpuprofile of that side in the working directory. */
const profileFlags = (file: string): string[] =>
  process.env["NORNS_BENCH_PROFILE"] === file ? ["--cpu-prof", "--cpu-prof-interval=500"] : [];

/** CPU time of a process so far, in milliseconds. The kernel counts in ticks of 10 ms. */
export async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The same with that of every process it has or had below it: PostgreSQL's. */
export async function cpuMsWithChildren(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0) * 10;
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "")).split(" ").filter(Boolean);
  const below = await Promise.all(children.map((child) => cpuMsWithChildren(Number(child))));
  return below.reduce((sum, ms) => sum + ms, own);
}

export interface Memory {
  /** What is the process's own, in MB (10⁶ bytes). */
  readonly own: number;
  /** Pages of files: Node's program first of all, the same pages in every process that runs it. */
  readonly ofFiles: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const of = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
  return { own: of("RssAnon") + of("RssShmem"), ofFiles: of("RssFile") };
}

/** What processes of one program occupy together: a page that all of them map is in memory once. */
export const together = (all: readonly Memory[]): number =>
  all.reduce((sum, one) => sum + one.own, 0) + Math.max(...all.map((one) => one.ofFiles));
