/** The newest events in memory, in order and without a hole: `first` to `last`. */
import type { Event } from "./contract.ts";

export class EventRing {
  readonly #slots: (Event | undefined)[];
  #first: number;
  #last: number;

  /** Starts empty, behind event number `last`. */
  constructor(capacity: number, last: number) {
    this.#slots = new Array<Event | undefined>(capacity).fill(undefined);
    this.#first = last + 1;
    this.#last = last;
  }

  /** The lowest number held; one above `last` when empty. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  /** Takes the next event; the oldest falls out when full. */
  push(event: Event): void {
    if (event.seq !== this.#last + 1) throw new Error(`Event ${event.seq} does not follow ${this.#last}.`);
    this.#last = event.seq;
    this.#slots[event.seq % this.#slots.length] = event;
    if (this.#last - this.#first + 1 > this.#slots.length) this.#first++;
  }

  /** Starts anew behind `last`, holding nothing. */
  skipTo(last: number): void {
    this.#slots.fill(undefined);
    this.#first = last + 1;
    this.#last = last;
  }

  get(seq: number): Event {
    const event = this.#slots[seq % this.#slots.length];
    if (event?.seq !== seq) throw new Error(`Event ${seq} is not held.`);
    return event;
  }
}
