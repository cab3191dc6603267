import { bug } from "../errors/index.ts";
import type { AnyOperation, OperationDefinition } from "./contract.ts";

const namePattern = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/;
const stepPattern = /^[a-z][a-z0-9-]*$/;

/**
 * The identity of a definition, with its types inferred and its names checked once, at start. Throws `bug` when a name
 * would not survive being stored (two steps of one name, an empty list of steps) so that it is found at the first start
 * and not in the first operation.
 *
 * @example
 * const deploy = defineOperation({ name: "apps.deploy", queue: "app-deployments", category: "deploy", …, steps: [clone, build] });
 */
export function defineOperation<Input>(definition: OperationDefinition<Input>): OperationDefinition<Input> {
  const refuse = (why: string) => bug("operation_definition_invalid", `The operation "${definition.name}" ${why}.`);
  if (!namePattern.test(definition.name)) throw refuse("has a name that is not of the form room.verb");
  if (definition.steps.length === 0) throw refuse("has no steps");
  const seen = new Set<string>();
  for (const step of definition.steps) {
    if (!stepPattern.test(step.name))
      throw refuse(`has a step with the name "${step.name}", which is not lower-case letters, digits and hyphens`);
    if (seen.has(step.name)) throw refuse(`has two steps named "${step.name}"`);
    if (!(step.timeoutMs > 0)) throw refuse(`gives the step "${step.name}" no time`);
    if (step.undo && step.cannotUndo) throw refuse(`says of the step "${step.name}" both how to undo it and that it cannot be undone`);
    seen.add(step.name);
  }
  return definition;
}

/** A list of definitions, each with an input of its own: for a worker. */
export function listOperations<Inputs extends readonly unknown[]>(
  ...definitions: { readonly [Index in keyof Inputs]: OperationDefinition<Inputs[Index]> }
): readonly AnyOperation[] {
  // The cast forgets the inputs: a worker parses each with its definition's own schema before any step sees it.
  return definitions as readonly unknown[] as readonly AnyOperation[];
}
