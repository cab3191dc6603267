/** What lives longer than its request, so that it can be ended: by revocation of its credential, or with the server. */
import type { Actor } from "@norns/kernel/actor";
import type { LiveStreams } from "@norns/kernel/http";

export interface LiveStreamRegistry extends LiveStreams {
  /** Ends all of them. */
  stop(): void;
  readonly size: number;
}

export function createLiveStreams(whenRevoked: (actor: Actor, close: () => void) => () => void): LiveStreamRegistry {
  const ends = new Set<(reason: "revoked" | "stopping") => void>();
  return {
    open(actor, end) {
      let stopListening = () => {};
      const endOnce = (reason: "revoked" | "stopping") => {
        if (ends.delete(endOnce)) {
          stopListening();
          end(reason);
        }
      };
      ends.add(endOnce);
      if (actor) stopListening = whenRevoked(actor, () => endOnce("revoked"));
      return () => {
        ends.delete(endOnce);
        stopListening();
      };
    },
    stop() {
      for (const end of [...ends]) end("stopping");
    },
    get size() {
      return ends.size;
    },
  };
}
