/**
 * Virtual time: timers in a heap, fired one after another. Between two timers everything that is ready runs to rest, so
 * a run depends on nothing but its seed, and a day takes as long as its events.
 */
interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualTime {
  now = 1_800_000_000_000;
  #order = 0;
  readonly #heap: Timer[] = [];

  after(ms: number, fire: () => void): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#order++, fire });
  }

  /** Fires timers until `isDone` says so or none is left before `until`. True when it was done. */
  async run(until: number, isDone: () => boolean): Promise<boolean> {
    await toRest();
    while (!isDone()) {
      const timer = this.#pop(until);
      if (!timer) {
        this.now = Math.max(this.now, until);
        return isDone();
      }
      this.now = timer.at;
      timer.fire();
      await toRest();
    }
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(heap[index]!, heap[parent]!)) break;
      [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
      index = parent;
    }
  }

  #pop(until: number): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (!first || first.at > until) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      for (let index = 0; ;) {
        const left = index * 2 + 1;
        const right = left + 1;
        let least = index;
        if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
        if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
        if (least === index) break;
        [heap[index], heap[least]] = [heap[least]!, heap[index]!];
        index = least;
      }
    }
    return first;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Every promise that can settle by itself has: setImmediate comes after all microtasks. */
const toRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
