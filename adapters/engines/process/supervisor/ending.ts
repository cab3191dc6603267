/** What is said and kept at the end of an instance. */
import { retireJournal } from "../../journal/instance-journal.ts";
import type { InstanceRecord } from "./record.ts";

/** Ending needs no space: with a full disk the journal's end is written when there is some again. */
export function retireSoon(home: string, { app, id }: Pick<InstanceRecord, "app" | "id">, at = Date.now()): void {
  try {
    retireJournal(home, { app, instance: id }, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    setTimeout(() => retireSoon(home, { app, id }, at), 1_000);
  }
}

export function describeExit(record: InstanceRecord): string {
  const { exit } = record;
  const how = exit?.signal ? `ended by ${exit.signal}` : exit?.code === null ? "ended" : `exited with code ${exit?.code}`;
  return exit?.reason ? `${how}: ${exit.reason}` : how;
}
