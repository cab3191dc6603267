/**
 * One log of everything that happened. `seq` is given in commit order and without holes, so a follower that asks
 * "after n" never misses a lower number that commits later.
 */
import type { Brand, EventId, OperationId, WorkspaceId } from "../ids/index.ts";
import type { Write } from "../database/index.ts";

/** What something happened to: `app:hello`, `workspace:ws_…`, `agent:…`. */
export type Subject = Brand<string, "Subject">;
export const subject = (kind: string, name: string): Subject => `${kind}:${name}` as Subject;
/** The part behind the colon: the app's name of `app:hello`. */
export const subjectName = (of: Subject): string => of.slice(of.indexOf(":") + 1);

export interface NewEvent {
  readonly workspace: WorkspaceId;
  readonly subject: Subject;
  readonly operation?: OperationId | undefined;
  /** `deploy`, `restart`, `scale`, `account`: the wing's noun. */
  readonly category: string;
  /** `deploy.start`, `step.complete`, `app.scaled`: what happened. */
  readonly action: string;
  /** One line for a person. */
  readonly message: string;
  /** Small facts by name. No output of programs, no secrets. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** `actor.label`, or the name of the part of Norns that did it. */
  readonly actor: string;
}

export interface Event extends NewEvent {
  readonly seq: number;
  readonly id: EventId;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a follower is told when it was too slow or asked for what is no longer kept: it missed `from` to `to`. */
export interface EventGap {
  readonly gap: { readonly from: number; readonly to: number };
}

export interface EventFilter {
  readonly workspaces?: readonly WorkspaceId[];
  readonly subject?: Subject;
  readonly operation?: OperationId;
  readonly category?: string;
}

export interface EventPage {
  readonly events: Event[];
  /** The `seq` to continue from, or undefined at the end. */
  readonly next: number | undefined;
}

export interface Events {
  /** Adds the event to the write: it exists exactly if the write commits. */
  append(write: Write, event: NewEvent): void;
  list(query: EventFilter & { after?: number; before?: number; limit: number; order: "asc" | "desc" }): Promise<EventPage>;
  /** Everything after `after` (now, when omitted), then live, until the signal. Bounded: a slow reader gets a gap. */
  follow(query: EventFilter & { after?: number; signal: AbortSignal }): AsyncIterable<Event | EventGap>;
  /** The highest seq committed. */
  latest(): Promise<number>;
}
