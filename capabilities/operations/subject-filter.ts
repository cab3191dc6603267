import { invalid } from "@norns/kernel/errors";
import { subject, type Subject } from "@norns/kernel/events";

/** `subject=app:hello` and `app=hello` mean the same. Throws `invalid` / `invalid_request` when both are given. */
export function subjectOf({ subject: whole, app }: { readonly subject?: string | undefined; readonly app?: string | undefined }): {
  readonly subject?: Subject;
} {
  if (whole !== undefined && app !== undefined) throw invalid("invalid_request", "Give subject or app, not both.");
  // The cast: the query's schema has seen that it is kind and name with a colon between.
  if (whole !== undefined) return { subject: whole as Subject };
  return app === undefined ? {} : { subject: subject("app", app) };
}
