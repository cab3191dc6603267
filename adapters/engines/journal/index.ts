export {
  openInstanceJournal,
  openStepOutput,
  retireJournal,
  instanceLogDirectory,
  type InstanceJournal,
  type StepOutput,
} from "./instance-journal.ts";
export type { JournalMeta } from "./meta.ts";
export { keepLogsMs, pruneLogs } from "./prune.ts";
export { readLogs, readStepOutput, type StepGap, type StepLine } from "./read-logs.ts";
export type { GapNote } from "./record.ts";
export { toSafeText } from "./safe-text.ts";
