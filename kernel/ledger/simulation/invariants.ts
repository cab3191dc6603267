/** What must be true when all is quiet again. */
import { hasEnded } from "../rules.ts";
import type { OperationState } from "../contract.ts";
import type { Engine } from "./engine.ts";
import { compiled, type House } from "./house.ts";

export interface Accepted {
  readonly started: Set<string>;
  /** How often an accepted retry put it back. */
  readonly retried: Map<string, number>;
  readonly cancelled: Set<string>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly state: OperationState;
  readonly subject: string;
}

export function checkAtTheEnd(house: House, engine: Engine, accepted: Accepted): void {
  const rows = <T>(sql: string): T[] => house.database.batchNow([compiled(sql, [])])[0]!.rows as T[];
  const operations = rows<Row>("select id, name, state, subject from operations");
  const known = new Map(operations.map((row) => [row.id, row]));

  for (const id of accepted.started) if (!known.has(id)) house.violation(`${id} was accepted and is lost`);
  for (const { id, state } of operations) if (!hasEnded(state)) house.violation(`${id} did not end: it is ${state}`);

  const events = rows<{ operation: string; action: string; seq: number }>("select operation, action, seq from events order by seq");
  for (const [index, event] of events.entries()) if (event.seq !== index + 1) return house.violation(`event ${index + 1} is missing`);
  const count = new Map<string, number>();
  for (const event of events) {
    const verb = event.action.slice(event.action.indexOf(".") + 1);
    const kind = event.action.startsWith("step.")
      ? "step"
      : ["complete", "failed", "cancelled", "undone", "undo_failed"].includes(verb)
        ? "end"
        : verb;
    count.set(`${event.operation} ${kind}`, (count.get(`${event.operation} ${kind}`) ?? 0) + 1);
  }
  const ends = new Map(
    rows<{ operation: string; ends: number }>("select operation, ends from simulated_ends").map((row) => [row.operation, row.ends]),
  );
  for (const { id, name, state } of operations) {
    const of = (kind: string) => count.get(`${id} ${kind}`) ?? 0;
    if (of("start") !== 1) house.violation(`${id} has ${of("start")} start events`);
    if (of("retry") < (accepted.retried.get(id) ?? 0)) house.violation(`${id} lacks the event of an accepted retry`);
    if (hasEnded(state) && of("end") !== 1 + of("retry")) house.violation(`${id} has ${of("end")} end events after ${of("retry")} retries`);
    if (accepted.cancelled.has(id) && of("cancel") === 0) house.violation(`${id} lacks the event of an accepted cancel`);
    if (name === "sim.deploy" && hasEnded(state) && ends.get(id) !== of("end"))
      house.violation(`${id} ended ${of("end")} times, its room was told ${ends.get(id) ?? 0} times`);
  }

  for (const { lock, operation } of rows<{ lock: string; operation: string }>("select lock, operation from operation_locks"))
    house.violation(`the lock ${lock} is still held by ${operation}`);

  const apps = rows<{ app: string; current: string; switches: number }>("select app, current, switches from simulated_apps");
  const switched = new Set(
    rows<{ operation: string }>("select operation from operation_steps where name = 'switch' and state = 'done'").map(
      (row) => row.operation,
    ),
  );
  for (const { app, current, switches } of apps) {
    if (!engine.instances.has(current)) house.violation(`no healthy instance serves ${app} any more`);
    const deploys = operations.filter((row) => row.name === "sim.deploy" && row.subject === `app:${app}` && switched.has(row.id));
    if (deploys.length !== switches) house.violation(`${app} was switched ${switches} times by ${deploys.length} deploys`);
  }
  for (const instance of engine.instances.values()) {
    const owner = known.get(instance.key);
    const serves = apps.some((app) => app.current === instance.key);
    if (!serves && owner && (owner.state === "undone" || owner.state === "cancelled") && !switched.has(owner.id))
      house.violation(`${owner.id} is ${owner.state}, but its instance is still there`);
    if (
      !serves &&
      owner?.state === "succeeded" &&
      !operations.some((row) => row.name === "sim.deploy" && row.subject === owner.subject && row.state !== "succeeded")
    )
      house.violation(`${instance.key} was replaced, but its instance is still there`);
  }
}
