/**
 * Every step of a deployment, a rollback and a preflight, with what others must know of it: which of the seed's words
 * stands for the time that it takes, and whether a program of the user prints in it. A step without a line here does
 * not compile.
 */
import type { StepDefinition } from "@norns/kernel/ledger";
import type { DeploymentStatus } from "../contract.ts";

const steps = {
  clone: { status: "building", prints: false },
  build: { status: "building", prints: true },
  test: { status: "testing", prints: true },
  snapshot: { status: "migrating", prints: false },
  migrate: { status: "migrating", prints: true },
  submit: { status: "submitting", prints: false },
  healthy: { status: "healthy", prints: false },
  forge: { status: "healthy", prints: false },
  cleanup: { status: "healthy", prints: false },
} as const satisfies Readonly<Record<string, { readonly status: DeploymentStatus; readonly prints: boolean }>>;

export type StepName = keyof typeof steps;
export type PrintingStep = { [Name in StepName]: (typeof steps)[Name]["prints"] extends true ? Name : never }[StepName];

export type Step<Input> = StepDefinition<Input> & { readonly name: StepName };

const isStepName = (name: string): name is StepName => Object.hasOwn(steps, name);

/** Undefined for a step that an older version recorded and this one does not have. */
export const statusOfStep = (name: string): DeploymentStatus | undefined => (isStepName(name) ? steps[name].status : undefined);
export const isPrinting = (name: string): boolean => isStepName(name) && steps[name].prints;
