export { subject, subjectName } from "./contract.ts";
export type { Event, EventFilter, EventGap, EventPage, Events, NewEvent, Subject } from "./contract.ts";
