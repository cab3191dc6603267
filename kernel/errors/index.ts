/**
 * One error for the whole product. `kind` says what sort of thing went wrong and is turned into an HTTP status, into
 * retry-or-end and into a CLI exit code, at those three borders only. The message is for the person: what happened, to
 * what, and what to do next; never a secret, SQL or a path of the server.
 */
export const errorKinds = ["invalid", "unauthenticated", "forbidden", "not_found", "conflict", "quota", "unavailable", "bug"] as const;

export type ErrorKind = (typeof errorKinds)[number];

export type ErrorDetails = Readonly<Record<string, unknown>>;

export class NornsError extends Error {
  override readonly name = "NornsError";
  readonly kind: ErrorKind;
  /** Stable, machine-readable: `app_not_found`. Documented in docs/errors.md. */
  readonly code: string;
  readonly details: ErrorDetails | undefined;

  constructor(kind: ErrorKind, code: string, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.details = options.details;
  }
}

type Extra = { details?: ErrorDetails; cause?: unknown };
const make =
  (kind: ErrorKind) =>
  (code: string, message: string, options?: Extra): NornsError =>
    new NornsError(kind, code, message, options);

export const invalid = make("invalid");
export const unauthenticated = make("unauthenticated");
export const forbidden = make("forbidden");
export const notFound = make("not_found");
export const conflict = make("conflict");
export const quota = make("quota");
export const unavailable = make("unavailable");
export const bug = make("bug");

/** What the system and PostgreSQL (53100) say when a write finds no room. */
const noRoom: readonly unknown[] = ["ENOSPC", "EDQUOT", "53100"];

/**
 * Turns anything thrown into a NornsError. An unknown throw is a bug: its own message is kept as cause, never shown. A
 * full disk is none: it comes up in any write at all, so it is told here and not at each of them.
 */
export function toNornsError(thrown: unknown): NornsError {
  if (thrown instanceof NornsError) return thrown;
  if (thrown instanceof Error && "code" in thrown && noRoom.includes(thrown.code))
    return unavailable("disk_full", "The disk of NORNS_HOME is full. Make room, then try again.", { cause: thrown });
  return bug("internal", "Something went wrong inside Norns. The request id leads to the log line that says what.", {
    cause: thrown,
  });
}

/** Worth trying again: the other side was away, or a bug that may have been a race. Everything else ends at once. */
export function isRetryable(error: NornsError): boolean {
  return error.kind === "unavailable" || error.kind === "bug";
}
