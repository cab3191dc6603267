/**
 * Which statements are prepared under a name. A named statement is parsed and planned once a connection (measured: a
 * list of 100 rows goes from 757 to 1,170 requests a second), but keeps memory in every backend, so only a bounded
 * number of texts gets one, and a text gets it at its second use: texts made once (a list of ids, a migration) never do.
 */
import { createHash } from "node:crypto";

export interface StatementNames {
  /** The name to prepare `text` under, or undefined to run it unnamed. */
  nameOf(text: string): string | undefined;
}

export function createStatementNames(limit = 512): StatementNames {
  const names = new Map<string, string>();
  const seenOnce = new Set<string>();
  return {
    nameOf(text) {
      const known = names.get(text);
      if (known !== undefined) return known;
      if (names.size >= limit) return undefined;
      if (!seenOnce.delete(text)) {
        if (seenOnce.size >= limit) seenOnce.clear();
        seenOnce.add(text);
        return undefined;
      }
      const name = `n_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
      names.set(text, name);
      return name;
    },
  };
}
