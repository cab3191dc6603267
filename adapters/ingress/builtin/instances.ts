/**
 * Connections to instances. Each address has an agent of its own, so that one slow instance takes no connection from
 * another, and a count of what is in flight: the count picks the least busy target and tells when an instance is drained.
 */
import { Agent, type AgentOptions } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { InstanceId } from "@norns/kernel/ids";
import type { Target } from "../port.ts";

/** Keeps connections only as long as the instance is in the table. */
class InstanceAgent extends Agent {
  isRetired = false;

  override keepSocketAlive(socket: Duplex): boolean {
    // @types/node declares it without a result; Node asks for one and keeps the socket only on true.
    const keep: unknown = super.keepSocketAlive(socket);
    return !this.isRetired && keep === true;
  }

  /** Says goodbye on idle connections; those in use close when their answer is through. */
  retire(): void {
    this.isRetired = true;
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) (socket as Socket).end();
  }
}

export interface Connection {
  readonly target: Target;
  readonly agent: Agent;
  /** Takes the place; the function returned gives it back, once. */
  begin(): () => void;
}

interface Entry extends Connection {
  readonly agent: InstanceAgent;
  inFlight: number;
}

export interface Instances {
  /** The least busy of the targets, none of `tried`; equals take turns. Undefined when none is left or all are full. */
  pick(targets: readonly Target[], tried: ReadonlySet<string>): Connection | undefined;
  /** Keeps connections to these only. */
  retain(targets: Iterable<Target>): void;
  inFlight(instance: InstanceId): number;
  totalInFlight(): number;
  /** Called whenever an instance, or all, may have come to nothing in flight. */
  onIdle(callback: () => void): () => void;
  destroy(): void;
}

export const keyOf = (target: Target): string => `${target.instance} ${target.host} ${target.port}`;

export function createInstances(options: AgentOptions & { maxInFlight: number }): Instances {
  const entries = new Map<string, Entry>();
  const idle = new Set<() => void>();
  let turn = 0;

  const open = (target: Target): Entry => {
    const entry: Entry = {
      target,
      agent: new InstanceAgent(options),
      inFlight: 0,
      begin() {
        entry.inFlight++;
        let isOver = false;
        return () => {
          if (isOver) return;
          isOver = true;
          if (--entry.inFlight > 0) return;
          if (entry.agent.isRetired) entries.delete(keyOf(target));
          for (const callback of idle) callback();
        };
      },
    };
    return entry;
  };

  return {
    pick(targets, tried) {
      let best: Entry | undefined;
      turn = (turn + 1) % 1_000_000;
      for (let offset = 0; offset < targets.length; offset++) {
        const target = targets[(turn + offset) % targets.length]!;
        const key = keyOf(target);
        if (tried.has(key)) continue;
        const entry = entries.get(key) ?? open(target);
        entries.set(key, entry);
        if (entry.inFlight < options.maxInFlight && (!best || entry.inFlight < best.inFlight)) best = entry;
      }
      return best;
    },
    retain(targets) {
      const wanted = new Set([...targets].map(keyOf));
      for (const [key, entry] of entries) {
        // One that comes back before its last answer was through goes on as it was.
        entry.agent.isRetired = false;
        if (wanted.has(key)) continue;
        entry.agent.retire();
        if (entry.inFlight === 0) entries.delete(key);
      }
    },
    inFlight: (instance) => entries.values().reduce((sum, entry) => (entry.target.instance === instance ? sum + entry.inFlight : sum), 0),
    totalInFlight: () => entries.values().reduce((sum, entry) => sum + entry.inFlight, 0),
    onIdle(callback) {
      idle.add(callback);
      return () => idle.delete(callback);
    },
    destroy() {
      for (const entry of entries.values()) entry.agent.destroy();
      entries.clear();
    },
  };
}
