/**
 * PostgreSQL's 64-bit and numeric values as JavaScript numbers. A value that a number cannot hold exactly is an error
 * and never a silently rounded one. Sums and counts come as int8 or numeric where SQLite gives plain numbers, so both
 * are converted.
 */
import { bug } from "@norns/kernel/errors";

export function toInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw bug("unsafe_integer", "The database holds a number too large to be read exactly.", { details: { digits: text.length } });
  return value;
}
