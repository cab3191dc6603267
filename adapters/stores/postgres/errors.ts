/**
 * What PostgreSQL and the network say, in our words. Names of constraints and columns may pass; values and SQL may not
 * (the original error is kept as `cause`, for the log).
 */
import { bug, conflict, invalid, NornsError, unavailable } from "@norns/kernel/errors";
import { PipelineError } from "./pipeline.ts";

interface ServerError {
  readonly code?: string;
  readonly severity?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
}

/** The check constraint of `assert_one`, as PostgreSQL names it. See kernel/database/guard.ts. */
const guardConstraint = "assert_one_n_check";

/** True for a rollback that a repeat may spare the caller: serialization failure and deadlock. */
export function isTransient(thrown: unknown): boolean {
  const code = serverErrorOf(thrown).code;
  return code === "40001" || code === "40P01";
}

/** True when a prepared statement no longer fits its tables: a migration ran meanwhile. Nothing was changed. */
export function isStalePlan(thrown: unknown): boolean {
  const error = serverErrorOf(thrown);
  // 0A000 "cached plan must not change result type"; 26000: the prepared statement is gone (DISCARD ALL, a pooler).
  return error.code === "26000" || (error.code === "0A000" && String((error as Error).message).includes("cached plan"));
}

/** True when the connection is of no more use. */
export function isConnectionLost(thrown: unknown): boolean {
  const { code, severity } = serverErrorOf(thrown);
  if (severity === "FATAL" || severity === "PANIC") return true;
  return (
    severity === undefined && !(thrown instanceof NornsError) && !(causeOf(thrown) instanceof NornsError) && code !== "ERR_INVALID_ARG_TYPE"
  );
}

export function toDatabaseError(thrown: unknown, isReadOnly: boolean): NornsError {
  if (thrown instanceof NornsError) return thrown;
  const cause = causeOf(thrown);
  if (cause instanceof NornsError) return cause;
  const nothingHappened = thrown instanceof PipelineError ? thrown.nothingHappened : true;
  const { code = "", severity, constraint, table, column } = serverErrorOf(thrown);
  const details = { ...(constraint ? { constraint } : {}), ...(table ? { table } : {}), ...(column ? { column } : {}) };

  if (severity === undefined || severity === "FATAL" || severity === "PANIC") {
    if (!nothingHappened && !isReadOnly)
      return unavailable(
        "commit_unknown",
        "The database went away during a write, so whether it was kept is not known. Look before you repeat it.",
        { cause },
      );
    return unavailable("database_unavailable", "The database cannot be reached. Try again in a moment.", {
      cause,
      ...(code ? { details: { reason: code } } : {}),
    });
  }
  switch (code) {
    case "23505":
      return conflict("unique_violation", "This already exists.", { details, cause });
    case "23514":
      if (constraint === guardConstraint)
        return conflict("guard_failed", "Something changed meanwhile, so nothing was written. Look again and repeat.", { cause });
      return conflict("check_violation", "The database refuses this value.", { details, cause });
    case "23503":
      return conflict("foreign_key_violation", "This refers to something that is not there, or is still referred to.", { details, cause });
    case "23502":
      return bug("not_null_violation", "A required value was not given to the database.", { details, cause });
    case "22021":
    case "22P05":
      return invalid("invalid_text", "The text contains a character that cannot be stored (such as NUL).", { cause });
    case "40001":
    case "40P01":
    case "55P03":
      return unavailable("database_busy", "The database is busy with the same rows. Try again.", { cause });
    case "57014":
      return unavailable("database_timeout", "The database took too long and was interrupted. Try again.", { cause });
    case "25006":
      return unavailable("database_read_only", "The database accepts no writes at the moment (it is a standby). Try again.", { cause });
  }
  if (code.startsWith("53"))
    return unavailable("database_full", "The database has run out of room, memory or connections.", { details: { reason: code }, cause });
  if (code.startsWith("57P") || code.startsWith("08"))
    return unavailable("database_unavailable", "The database is starting or stopping. Try again in a moment.", { cause });
  return bug("database_error", "The database refused a statement.", { details: { ...details, reason: code }, cause });
}

const causeOf = (thrown: unknown): unknown => (thrown instanceof PipelineError ? thrown.cause : thrown);
const serverErrorOf = (thrown: unknown): ServerError => {
  const cause = causeOf(thrown);
  return typeof cause === "object" && cause !== null ? cause : {};
};
