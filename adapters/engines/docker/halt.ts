/** Ends what runs in a container: the drain signal, the time that was promised, then the kill. */
import { constants } from "node:os";
import type { Clock } from "@norns/kernel/clock";
import { invalid } from "@norns/kernel/errors";
import type { Inspected } from "./observe.ts";
import { labels, restartPolicy } from "./requests.ts";
import { type Daemon, isRefusal } from "./transport.ts";

export async function halt(daemon: Daemon, clock: Clock, containerId: string, signal: AbortSignal): Promise<void> {
  const found = await findContainer(daemon, containerId);
  if (found === undefined) return;
  const { Status } = found.State;
  if (Status === "restarting") {
    // Between two tries there is no process to drain; this takes the next try back, which a signal cannot.
    await unlessGone(daemon.call("POST", `/containers/${containerId}/stop`, { query: { t: 0 } }));
    return;
  }
  if (Status === "created" || Status === "exited" || Status === "dead" || Status === "removing") return;
  const [drainSignal = "SIGTERM", drainMs = "10000"] = (found.Config.Labels?.[labels.drain] ?? "").split(" ");
  // First, so that nothing starts it again between its end and its removal, whoever dies in between.
  await unlessGone(daemon.call("POST", `/containers/${containerId}/update`, { body: { RestartPolicy: restartPolicy(false) } }));
  const ended = unlessGone(
    daemon.call("POST", `/containers/${containerId}/wait`, {
      query: { condition: "not-running" },
      signal,
      timeoutMs: Number(drainMs) + 60_000,
    }),
  );
  // Awaited below; a failure of the kill must not leave it unhandled.
  ended.catch(() => {});
  await kill(daemon, containerId, drainSignal);
  const isOver = await Promise.race([ended.then(() => true), clock.sleep(Number(drainMs), signal).then(() => false)]);
  if (isOver) return;
  await kill(daemon, containerId, "SIGKILL");
  await ended;
}

export async function findContainer(daemon: Daemon, containerId: string): Promise<Inspected | undefined> {
  try {
    return await daemon.call<Inspected>("GET", `/containers/${containerId}/json`);
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return undefined;
    throw thrown;
  }
}

async function kill(daemon: Daemon, containerId: string, signal: string): Promise<void> {
  if (!(signal in constants.signals)) throw invalid("signal_invalid", "That is not the name of a signal.");
  await unlessGone(daemon.call("POST", `/containers/${containerId}/kill`, { query: { signal } }));
}

/** 404: it is gone. 304, 409: it is not running. Both are what was wanted. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (thrown) {
    if (!isRefusal(thrown, 304, 404, 409)) throw thrown;
  }
}
