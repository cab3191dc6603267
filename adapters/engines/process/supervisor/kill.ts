import { sendSignal, type ProcessStat } from "./processes.ts";

/**
 * Kills until a look finds nobody. What forks faster than we kill is stopped first: a stopped process does not fork.
 */
export async function killUntilNone(look: () => readonly ProcessStat[]): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const victims = look();
    if (victims.length === 0) return;
    if (round >= 5) for (const { pid } of victims) sendSignal(pid, "SIGSTOP");
    for (const { pid } of victims) sendSignal(pid, "SIGKILL");
    await new Promise<void>((resolve) => setTimeout(resolve, round < 20 ? 5 : 50));
  }
}
