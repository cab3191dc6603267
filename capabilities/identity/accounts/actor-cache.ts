/**
 * Who was found a moment ago. An entry is good for seconds, ends with its credential, and is used only while this
 * process knows of every revocation (`Revocations.upTo`): if the database cannot say, nobody is let in from memory.
 */
import type { Actor, Revocations } from "@norns/kernel/actor";
import type { Clock } from "@norns/kernel/clock";
import { tokenHash } from "./secrets.ts";

export interface FoundActor {
  readonly actor: Actor;
  /** When the credential itself ends; Infinity when it does not. */
  readonly until: number;
}

interface Entry extends FoundActor {
  readonly at: number;
}

/** Bounded: a flood of tokens pushes out the oldest, it does not grow the server. */
const most = 10_000;

export function createActorCache({ revocations, clock, keepMs }: { revocations: Revocations; clock: Clock; keepMs: number }) {
  const entries = new Map<string, Entry>();
  const looking = new Map<string, Promise<Actor | null>>();

  const recall = (key: string): Actor | undefined => {
    const entry = entries.get(key);
    if (!entry) return undefined;
    const now = clock.now();
    const age = now - entry.at;
    // A clock that was moved back makes entries look as if they came from the future: those are not trusted.
    if (age >= 0 && age < keepMs && now < entry.until && !revocations.isRevoked(entry.actor)) return entry.actor;
    entries.delete(key);
    return undefined;
  };

  const find = async (key: string, look: () => Promise<FoundActor | null>): Promise<Actor | null> => {
    const known = await revocations.upTo();
    const recalled = recall(key);
    if (recalled) return recalled;
    const found = await look();
    if (!found || found.until <= clock.now()) return null;
    revocations.note(found.actor, known);
    if (revocations.isRevoked(found.actor)) {
      // Revoked while it was being read, and what was read may be from before: look once more.
      return await find(key, look);
    }
    entries.set(key, { ...found, at: clock.now() });
    if (entries.size > most) entries.delete(entries.keys().next().value!);
    return found.actor;
  };

  return {
    /** The actor of a credential, from memory or by `look`. One look at a time for each credential. */
    async resolve(kind: string, credential: string, look: () => Promise<FoundActor | null>): Promise<Actor | null> {
      const key = tokenHash("cache", `${kind}:${credential}`);
      if (revocations.isFresh()) {
        const recalled = recall(key);
        if (recalled) return recalled;
      }
      let promise = looking.get(key);
      if (!promise) {
        promise = find(key, look).finally(() => looking.delete(key));
        looking.set(key, promise);
      }
      return await promise;
    },
    get size() {
      return entries.size;
    },
  };
}
export type ActorCache = ReturnType<typeof createActorCache>;
