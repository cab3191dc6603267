/** What must hold between the fields of one process, and between processes. Pure: findings go to the reader. */
import { checkSchedule } from "./cron.ts";
import type { Reader } from "./field.ts";
import type { Written, WrittenProcess } from "./fields.ts";

export function checkProcesses(written: Written, reader: Reader, runsImage: boolean): void {
  for (const { key, value } of written.processes) checkProcess(value, `processes.${key}`, reader, runsImage);

  const ports = new Map<number, string>();
  for (const { key, value } of written.processes) {
    if (value.port === undefined) continue;
    const other = ports.get(value.port);
    if (other === undefined) ports.set(value.port, key);
    else reader.report("warning", `processes.${key}.port`, `is also the port of \`${other}\`: they clash where instances share a network.`);
  }
}

function checkProcess(process: WrittenProcess, path: string, reader: Reader, runsImage: boolean): void {
  const { port, command, schedule, health, metrics, scaling, resources, tuning } = process;
  if (command === undefined && !runsImage)
    reader.report("error", `${path}.command`, "is required: without an image, nothing else says what to run.");
  if (process.function && schedule !== undefined)
    reader.report(
      "error",
      `${path}.schedule`,
      "cannot stand beside `function`: a process is started by calls or by the clock. Make two of it.",
    );
  if (schedule !== undefined) {
    const wrong = checkSchedule(schedule, process.timezone);
    if (wrong) reader.report("error", `${path}.schedule`, wrong);
    if (port !== undefined) reader.report("warning", `${path}.port`, "is not used: a cron process takes no requests.");
  }
  const isService = port !== undefined && schedule === undefined && !process.function;
  if (isService && !health)
    reader.report(
      "warning",
      `${path}.health`,
      "is missing: without it a release counts as healthy as soon as its port is open. Add `health: { path: /health }`.",
    );
  if (health?.path !== undefined && port === undefined)
    reader.report("error", `${path}.health.path`, "needs a `port`: without one there is nothing to ask.");
  if (health && health.deadline < health.timeout)
    reader.report("error", `${path}.health.deadline`, "is shorter than `timeout`: not even one check would fit.");
  if (metrics?.enabled && port === undefined && metrics.port === undefined)
    reader.report("error", `${path}.metrics.port`, "is required: the process has no port of its own.");
  if (scaling?.max !== undefined && scaling.max < scaling.min)
    reader.report("error", `${path}.scaling.max`, `is less than \`min\` (${scaling.min}).`);
  if (scaling && scaling.min > 1 && (schedule !== undefined || process.function))
    reader.report("warning", `${path}.scaling.min`, "is not used: cron processes and functions are started when they are due.");
  if (resources && (resources.cpu < 10 || resources.cpu > 10_000))
    reader.report("warning", `${path}.resources.cpu`, `is ${resources.cpu} MHz; 10 to 10000 is usual.`);
  if (resources && (resources.memory < 32 || resources.memory > 8192))
    reader.report("warning", `${path}.resources.memory`, `is ${resources.memory} MB; 32 to 8192 is usual.`);
  if (tuning?.limits?.min !== undefined && tuning.limits.max !== undefined && tuning.limits.min > tuning.limits.max)
    reader.report("error", `${path}.tuning.limits.max`, "is less than `min`.");
  for (const { key } of process.env) checkGivenByNorns(key, `${path}.env.${key}`, reader);
}

/** Variables that every engine sets itself: a value in the file would not arrive. */
export function checkGivenByNorns(key: string, path: string, reader: Reader): void {
  if (key === "PORT" || key === "HOST" || key.startsWith("NORNS_"))
    reader.report("warning", path, "is set by Norns itself, so this value does not arrive.");
}
