import type { Infraspec } from "@norns/capabilities/apps/catalog";
import type { ProcessName } from "@norns/kernel/ids";

/** For a process that a newer spec no longer has. */
const usualDrainMs = 10_000;

/** `drain.timeout` of each process. */
export const drainMsOf =
  (spec: Infraspec) =>
  (process: ProcessName): number =>
    spec.processes.find(({ name }) => name === process)?.drain.timeoutMs ?? usualDrainMs;
