import { Cron } from "croner";

/**
 * What is wrong with a schedule, or undefined. Five or six fields (seconds first with six), really parsed, and one that
 * never comes, such as 30 February, is refused too.
 */
export function checkSchedule(schedule: string, timezone: string): string | undefined {
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) return `must have 5 fields (or 6, with seconds first); it has ${fields.length}.`;
  if (schedule.length > 200) return "is too long for a schedule.";
  try {
    const cron = new Cron(fields.join(" "), { paused: true, timezone: timezone === "" ? "UTC" : timezone });
    return cron.nextRun() === null ? "never comes." : undefined;
  } catch (thrown) {
    // croner throws plain errors whose text names the field; they are about this text and nothing else.
    const why = thrown instanceof Error ? thrown.message.replace(/^Cron\w+: /, "") : "it cannot be read";
    return `is not a schedule: ${why.slice(0, 160)}.`;
  }
}
