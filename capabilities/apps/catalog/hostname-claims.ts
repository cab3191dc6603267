/**
 * A public host name belongs to one app. Whoever has it keeps it: a second app that names it is refused, and never takes
 * over by coming first in the alphabet. Pure.
 */
import { parseInfraspec, type Finding, type Infraspec } from "./infraspec/index.ts";
import type { AppRecord } from "./store.ts";
import type { AppRow } from "./tables.ts";

/** Adds an error note to each record whose endpoint another app has. `rows` are all apps as they are stored. */
export function refuseTakenHostnames(records: readonly AppRecord[], rows: readonly AppRow[]): AppRecord[] {
  const recordOf = new Map(records.map((record) => [record.name, record]));
  const owner = new Map<string, string>();
  // First those who have it now and still ask for it, oldest first; then whoever asks, by name.
  for (const row of rows.toSorted((left, right) => left.created_at - right.created_at)) {
    const had = row.notes.includes(takenMark) ? [] : hostnamesIn(row.good_text);
    const asks = hostnamesIn((recordOf.get(row.name) ?? row).good_text);
    for (const hostname of had) if (asks.includes(hostname) && !owner.has(hostname)) owner.set(hostname, row.name);
  }
  for (const record of records.toSorted((left, right) => (left.name < right.name ? -1 : 1)))
    for (const hostname of hostnamesIn(record.good_text)) if (!owner.has(hostname)) owner.set(hostname, record.name);

  return records.map((record) => {
    const taken = hostnamesIn(record.good_text).flatMap((hostname, index): Finding[] =>
      owner.get(hostname) === record.name
        ? []
        : [
            {
              severity: "error",
              field: `endpoints[${index}].url`,
              message: `\`endpoints[${index}].url\` names ${hostname}, ${takenMark}.`,
            },
          ],
    );
    return taken.length === 0 ? record : { ...record, notes: JSON.stringify([...(JSON.parse(record.notes) as Finding[]), ...taken]) };
  });
}

/** Which of the spec's hosts another app has: the first, or undefined. */
export function takenHostname(spec: Infraspec, others: Iterable<{ readonly spec: Infraspec | null }>): string | undefined {
  const taken = new Set([...others].flatMap((other) => other.spec?.endpoints.map((endpoint) => endpoint.hostname) ?? []));
  return spec.endpoints.find((endpoint) => taken.has(endpoint.hostname))?.hostname;
}

const takenMark = "which another app has";

const hostnamesIn = (text: string | null): string[] =>
  text === null || !text.includes("endpoints") ? [] : (parseInfraspec(text).spec?.endpoints.map((endpoint) => endpoint.hostname) ?? []);
