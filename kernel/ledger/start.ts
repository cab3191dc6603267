import type { Clock } from "../clock/index.ts";
import type { Store, Write } from "../database/index.ts";
import { bug } from "../errors/index.ts";
import type { Events } from "../events/index.ts";
import { newId, type IdSource, type OperationId } from "../ids/index.ts";
import { operationStarted } from "./announce.ts";
import type { StartOptions } from "./contract.ts";
import { statement } from "./statements.ts";
import type { Wakes } from "./wakes.ts";

const columns = [
  "id", "name", "queue", "category", "workspace", "subject", "lock", "steps", "step", "input", "actor", "node", "due_at", "wake_at", "created_at",
] as const; // prettier-ignore

/** Adds the operation, its start event and its wake-up to a write: it exists exactly if the write commits. */
export function createStart(deps: { store: Store; events: Events; transport: Wakes; clock: Clock; ids: IdSource; resendAfterMs: number }) {
  const { store, events, transport, clock, ids, resendAfterMs } = deps;
  const places = columns.map((_, index) => `?${index + 1}`).join(", ");
  const insert = statement(
    store.dialect,
    `insert into {operations} (${columns.join(", ")}, updated_at, state, attempt, epoch, revision, losses)
     values (${places}, ?15, 'queued', 1, 0, 0, 0)`,
  );

  return <Input>(write: Write, options: StartOptions<Input>): OperationId => {
    const { definition, input, workspace, subject } = options;
    const parsed = definition.input.safeParse(input);
    if (!parsed.success)
      throw bug("operation_input_invalid", `The input of ${definition.name} is not of its type.`, { cause: parsed.error });
    const id = options.id ?? newId("OperationId", ids);
    const now = clock.now();
    const dueAt = Math.max(now, options.runAfter ?? now);
    const names = definition.steps.map((step) => step.name);
    const actor = options.actor.label;
    write.add(
      insert([
        id,
        definition.name,
        definition.queue,
        definition.category,
        workspace,
        subject,
        definition.lock?.(input) ?? null,
        JSON.stringify(names),
        names[0]!,
        JSON.stringify(input),
        actor,
        options.node ?? null,
        dueAt,
        dueAt + resendAfterMs,
        now,
      ]),
    );
    events.append(write, operationStarted({ id, workspace, subject, category: definition.category, name: definition.name, actor }));
    transport.enlist(write, { queue: definition.queue, operation: id, ...(dueAt > now ? { at: dueAt } : {}) });
    return id;
  };
}
