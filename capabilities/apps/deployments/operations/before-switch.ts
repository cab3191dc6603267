/**
 * Up to the switch a failure costs the app nothing, and its message says so: which release stays in service, and what of
 * the deployment is not taken back.
 */
import { NornsError } from "@norns/kernel/errors";
import type { StepContext } from "@norns/kernel/ledger";
import { releaseName } from "../release.ts";
import type { ReleaseInput, StepDeps } from "./deps.ts";
import { findOutput } from "./find-output.ts";
import type { Step } from "./step-names.ts";

export function beforeSwitch<Input extends ReleaseInput>(deps: StepDeps, step: Step<Input>): Step<Input> {
  return {
    ...step,
    async run(context) {
      try {
        return await step.run(context);
      } catch (error) {
        if (context.signal.aborted || !(error instanceof NornsError)) throw error;
        const current = await deps.processes.findCurrent(context.input.workspace, context.input.app);
        const said = [
          asSentence(error.message),
          current ? staysText(current, hasStopped(context)) : "Nothing of it was in service before, and nothing is now.",
          migrationsText(context),
        ];
        throw new NornsError(error.kind, error.code, said.filter(Boolean).join(" "), {
          details: { ...error.details, ...(current ? { stays: { release: current.number, commit: current.commit } } : {}) },
          cause: error,
        });
      }
    },
  };
}

/** What a daemon or a program said may end without a full stop. */
const asSentence = (text: string): string => (/[.!?:]$/.test(text) ? text : `${text}.`);

function staysText(current: { number: number; commit: string }, wasStopped: boolean): string {
  const name = releaseName(current);
  const begins = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  return wasStopped
    ? `${begins} had been stopped for the update, because a writable volume belongs to one release at a time; it is started again.`
    : `${begins} stays in service.`;
}

const migrationsText = (context: StepContext<ReleaseInput>): string =>
  hasOutput(context, "migrate") ? "The migrations that ran are not taken back." : "";

const hasStopped = (context: StepContext<ReleaseInput>): boolean => {
  const submitted = findOutput(context, "submit");
  return typeof submitted === "object" && submitted !== null && "stoppedOld" in submitted && submitted.stoppedOld === true;
};

const hasOutput = (context: StepContext<ReleaseInput>, step: string): boolean => findOutput(context, step) !== undefined;
