/** docs/operation-states.md, from the transition table: `node kernel/ledger/render-states.ts > docs/operation-states.md`. A test compares. */
import { deadStates, endStates, operationTransitions, stepTransitions, type Transition } from "./rules.ts";

const table = (transitions: readonly Transition<string>[]): string =>
  ["| from | to | when |", "| --- | --- | --- |", ...transitions.map(({ from, to, when }) => `| ${from} | ${to} | ${when} |`)].join("\n");

const listed = (states: readonly string[]): string => states.map((state) => `\`${state}\``).join(", ");

export const renderStates = (): string => `# What an operation and its steps go through

Printed by \`node kernel/ledger/render-states.ts\` from kernel/ledger/rules.ts, the one transition table.

An operation has ended when it is ${listed(endStates)}. Dead letters, which a person may retry from the failed step, are ${listed(deadStates)}.
Steps that are \`pending\` or \`running\` have no row: the step in hand is part of the operation's own.

## Operations

${table(operationTransitions)}

## Steps

${table(stepTransitions)}
`;

if (import.meta.main) process.stdout.write(renderStates());
