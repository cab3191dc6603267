import type { SocketMessage } from "@norns/capabilities/apps/processes";
import type { Event } from "@norns/kernel/events";

export declare function deploymentsSocketMessage(event: Event): SocketMessage | undefined;
