/** D1 reports errors as message texts; these are the ones that mean something to a caller. */
import { bug, conflict, NornsError, unavailable } from "@norns/kernel/errors";

/** Before anything was done: a repeat is harmless. */
const busy = /database is locked|SQLITE_BUSY|overloaded|too many requests queued|storage operation exceeded timeout|D1_RESET_DO/i;
/** The answer was lost on its way. */
const lost = /network connection lost|reset because|internal error|fetch failed|connection (?:closed|reset)|ECONNRE|cannot resolve/i;

export function toD1Error(thrown: unknown, isReadOnly: boolean): NornsError {
  if (thrown instanceof NornsError) return thrown;
  const text = `${messageOf(thrown)} ${messageOf((thrown as { cause?: unknown } | null)?.cause)}`;
  const violated = /(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(?:: ([^:()]+))?/.exec(text);
  const constraint = violated?.[2]?.trim();
  const details = constraint ? { constraint } : {};
  switch (violated?.[1]) {
    case "UNIQUE":
      return conflict("unique_violation", "This already exists.", { details, cause: thrown });
    case "CHECK":
      if (constraint === "n = 1")
        return conflict("guard_failed", "Something changed meanwhile, so nothing was written. Look again and repeat.", { cause: thrown });
      return conflict("check_violation", "The database refuses this value.", { details, cause: thrown });
    case "FOREIGN KEY":
      return conflict("foreign_key_violation", "This refers to something that is not there, or is still referred to.", { cause: thrown });
    case "NOT NULL":
      return bug("not_null_violation", "A required value was not given to the database.", { details, cause: thrown });
  }
  if (busy.test(text)) return unavailable("database_busy", "The database is busy. Try again.", { cause: thrown });
  if (lost.test(text))
    return isReadOnly
      ? unavailable("database_unavailable", "The database cannot be reached. Try again in a moment.", { cause: thrown })
      : unavailable(
          "commit_unknown",
          "The database went away during a write, so whether it was kept is not known. Look before you repeat it.",
          { cause: thrown },
        );
  if (/too many SQL variables/i.test(text))
    return bug("too_many_parameters", "A statement has more than 100 parameters: send rows as one JSON parameter.", { cause: thrown });
  return bug("database_error", "The database refused a statement.", { cause: thrown });
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : "");
