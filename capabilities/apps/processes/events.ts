import type { Event } from "@norns/kernel/events";
import { subjectName } from "@norns/kernel/events";

/** The seed's envelope on `/ws`. */
export interface SocketMessage {
  readonly type: string;
  readonly appId: string;
  readonly payload: Readonly<Record<string, string>>;
}

const shown = new Set(["app.restarted", "app.scaled", "app.restored", "app.unhealthy", "app.orphan"]);

/** `app.restarted`, `app.scaled` as the seed names them, and what the watcher finds. */
export function processesSocketMessage(event: Event): SocketMessage | undefined {
  if (!shown.has(event.action)) return undefined;
  return {
    type: event.action,
    appId: subjectName(event.subject),
    payload: { ...event.metadata, message: event.message, ...(event.operation ? { sagaId: event.operation } : {}) },
  };
}
