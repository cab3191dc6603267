import { subject, type NewEvent, type Subject } from "@norns/kernel/events";
import type { AppRow } from "./tables.ts";

export const appSubject = (name: string): Subject => subject("app", name);

export type AppAction = "app.registered" | "app.changed" | "app.absent" | "app.returned" | "app.forgotten";

const messages: Record<AppAction, (name: string) => string> = {
  "app.registered": (name) => `${name} is in the catalogue`,
  "app.changed": (name) => `The infraspec of ${name} has changed`,
  "app.absent": (name) => `${name} is gone from the apps directory; what runs of it goes on`,
  "app.returned": (name) => `${name} is back in the apps directory`,
  "app.forgotten": (name) => `${name} is out of the catalogue`,
};

export const appEvent = (action: AppAction, row: AppRow, actor: string, metadata: Readonly<Record<string, string>> = {}): NewEvent => ({
  workspace: row.workspace as NewEvent["workspace"],
  subject: appSubject(row.name),
  category: "app",
  action,
  message: messages[action](row.name),
  metadata,
  actor,
});
