/** Keeps one collector a container, in the one process of this home that collects. */
import type { Clock } from "@norns/kernel/clock";
import type { InstanceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Instance } from "../workload.ts";
import { collect, type Collector } from "./collector.ts";
import { takeCollecting } from "./installation.ts";
import type { Daemon } from "./transport.ts";

export function createLogCollecting(deps: { home: string; daemon: Daemon; clock: Clock; log: Log }) {
  const collectors = new Map<string, { collector: Collector; instance: Instance }>();
  let held: { release(): void } | undefined;

  /** Brings the collectors in line with what is there. Cheap when nothing changed. */
  function follow(found: readonly { containerId: string; instance: Instance }[], isWhole: boolean): void {
    held ??= takeCollecting(deps.home);
    if (held === undefined) return;
    for (const { containerId, instance } of found) {
      const known = collectors.get(containerId);
      if (known === undefined) collectors.set(containerId, { collector: collect(deps, containerId, instance), instance });
      else {
        if (known.instance.startedAt !== instance.startedAt) known.collector.nudge();
        collectors.set(containerId, { collector: known.collector, instance });
      }
    }
    if (!isWhole) return;
    const there = new Set(found.map(({ containerId }) => containerId));
    for (const [containerId, { collector, instance }] of collectors) {
      if (there.has(containerId)) continue;
      collectors.delete(containerId);
      void ending(collector, instance);
    }
  }

  /** Until the journal has every line of a container that has ended; a few seconds at most. */
  async function drained(containerId: string, endedAt = deps.clock.now()): Promise<void> {
    const known = collectors.get(containerId);
    if (known === undefined) {
      // Another process of this home collects: it is as quick as we are, and gets the moment it needs.
      if (held === undefined && deps.clock.now() - endedAt < 1000) await deps.clock.sleep(300);
      return;
    }
    await known.collector
      .drained(AbortSignal.timeout(5000))
      .catch(() => deps.log.warn({ instance: known.instance.id }, "the last lines of a container did not arrive within 5 s"));
  }

  async function retire(containerId: string): Promise<void> {
    const known = collectors.get(containerId);
    collectors.delete(containerId);
    if (known !== undefined) await ending(known.collector, known.instance);
  }

  /** Without the mark of its end (a full disk) a journal is kept longer than need be; the instance is gone all the same. */
  async function ending(collector: Collector, instance: Instance): Promise<void> {
    try {
      await collector.retire();
    } catch (thrown) {
      deps.log.warn({ instance: instance.id, error: String(thrown) }, "the end of an instance's log could not be written");
    }
  }

  async function close(): Promise<void> {
    await Promise.all([...collectors.values()].map(({ collector }) => collector.close()));
    collectors.clear();
    held?.release();
    held = undefined;
  }

  return { follow, drained, retire, close, of: (containerId: string): InstanceId | undefined => collectors.get(containerId)?.instance.id };
}
