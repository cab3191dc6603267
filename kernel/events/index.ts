/** The event log: one log of everything that happened, read by number and followed live. See contract.ts. */
export { subject, subjectName } from "./contract.ts";
export type { Event, EventFilter, EventGap, EventPage, Events, NewEvent, Subject } from "./contract.ts";
export { createEvents, type EventLog, type EventsDeps } from "./events.ts";
export type { EventSink } from "./follower.ts";
export type { EventNotifier } from "./hub.ts";
export { kernelMigrations } from "./migrations.ts";
export { onceForEach } from "./once-for-each.ts";
