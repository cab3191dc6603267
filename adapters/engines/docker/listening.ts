/** Why an instance that runs may not answer: on which ports of its own network it listens, as the kernel lists them. */
import { readFile } from "node:fs/promises";

export interface Listener {
  readonly port: number;
  /** Only connections from inside the container reach it. */
  readonly isLoopback: boolean;
}

/** `pid` is any process of the container as the machine numbers it. Undefined where the kernel's list cannot be read. */
export async function listenersOf(pid: number): Promise<readonly Listener[] | undefined> {
  const texts = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => undefined)));
  if (texts.every((text) => text === undefined)) return undefined;
  return texts.flatMap((text) => toListeners(text ?? ""));
}

export function toListeners(text: string): readonly Listener[] {
  return text.split("\n").flatMap((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    if (state !== "0A" || local === undefined) return [];
    const [address = "", port = ""] = local.split(":");
    // The kernel writes IPv4 in the machine's byte order: 127.0.0.1 is 0100007F. Docker's own resolver is at 127.0.0.11.
    if (address === "0B00007F") return [];
    const isLoopback =
      /^[0-9A-F]{6}7F$/.test(address) || address === "00000000000000000000000001000000" || address === "0000000000000000FFFF00000100007F";
    return [{ port: Number.parseInt(port, 16), isLoopback }];
  });
}

export function toExplanation(listeners: readonly Listener[], wanted: number): string | undefined {
  const here = listeners.filter((one) => one.port === wanted);
  if (here.some((one) => !one.isLoopback)) return undefined;
  if (here.length > 0)
    return `it listens on port ${wanted} of its own loopback only, where nothing from outside the container reaches it; listen on HOST (0.0.0.0)`;
  const others = [...new Set(listeners.map((one) => one.port))].slice(0, 5);
  if (others.length === 0) return "it does not listen on any port yet";
  return `it listens on port ${others.join(", ")}, not on ${wanted}, which the spec names and Norns gave it as PORT`;
}
