/** Error → HTTP status. One of the three borders at which `kind` means something (the others: retry, CLI exit code). */
import type { ErrorKind, NornsError } from "../errors/index.ts";

const byKind: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  quota: 429,
  unavailable: 503,
  bug: 500,
};

/** Where HTTP has a truer word than the kind's own. */
const byCode: Readonly<Record<string, number>> = {
  method_not_allowed: 405,
  request_timed_out: 408,
  body_too_large: 413,
  media_type_not_supported: 415,
  misdirected: 421,
};

export const statusOf = (error: NornsError): number => byCode[error.code] ?? byKind[error.kind];
