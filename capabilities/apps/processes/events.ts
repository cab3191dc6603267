import type { Event } from "@norns/kernel/events";

/** The seed's envelope on `/ws`. */
export interface SocketMessage {
  readonly type: string;
  readonly appId: string;
  readonly payload: Readonly<Record<string, string>>;
}

export declare function processesSocketMessage(event: Event): SocketMessage | undefined;
