/**
 * Passwords: scrypt through the runtime's own crypto. The parameters stand in front of each hash, so that the cost can be
 * raised and what was stored before still verifies. N=2^14, r=8, p=5 is as costly to guess as OWASP's other rows and
 * needs 16 MB a hash, so that a sign-in leaves the server small.
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { quota } from "@norns/kernel/errors";

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}
const cost: Cost = { N: 2 ** 14, r: 8, p: 5 };
const keyBytes = 32;
const pattern = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{43})$/;
/** A stored hash may not make us spend more than this, whoever wrote it. */
const mostMemory = 256 * 1024 * 1024;

export interface Passwords {
  hash(password: string): Promise<string>;
  verify(given: { hash: string; password: string }): Promise<boolean>;
}

/**
 * At most `atOnce` hashes are worked on; `waiting` more may queue, then `quota` `too_many_sign_ins`. Without the bound
 * twenty sign-ins at once keep both cores of a small machine busy for a second.
 */
export function createPasswords({ atOnce = 2, waiting = 40 }: { atOnce?: number; waiting?: number } = {}): Passwords {
  let running = 0;
  const queue: (() => void)[] = [];

  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (queue.length >= waiting)
        throw quota("too_many_sign_ins", "Too many people are signing in right now. Try again in a few seconds.", {
          details: { retryAfterMs: 3_000 },
        });
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };

  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = randomBytes(16);
        const key = await derive(password, salt, cost);
        return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${key.toString("base64url")}`;
      }),
    verify: ({ hash, password }) =>
      inTurn(async () => {
        const match = pattern.exec(hash);
        if (!match) return false;
        const stored: Cost = { N: Number(match[1]), r: Number(match[2]), p: Number(match[3]) };
        if (128 * stored.N * stored.r > mostMemory) return false;
        const key = await derive(password, Buffer.from(match[4]!, "base64url"), stored);
        return timingSafeEqual(key, Buffer.from(match[5]!, "base64url"));
      }),
  };
}

/** NFKC: the same password typed on another keyboard is the same password. */
function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, keyBytes, { N, r, p, maxmem: mostMemory * 2 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
