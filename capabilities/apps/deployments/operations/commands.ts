/** The user's own commands between build and start: tests and migrations, in the user's sandbox. */
import type { Artifact } from "@norns/adapters/engines";
import { engineOf, type Infraspec } from "@norns/capabilities/apps/catalog";
import { environmentOf } from "@norns/capabilities/apps/processes";
import { done, skipped, type Json, type StepContext } from "@norns/kernel/ledger";
import { commandFailed } from "../errors.ts";
import type { DeployInput, StepDeps } from "./deps.ts";
import { clonedOf, specOf } from "./source.ts";
import { withOutput } from "./step-output.ts";
import type { PrintingStep, Step } from "./step-names.ts";

interface Built {
  readonly release: number;
  readonly artifact: Artifact;
}

export function test(deps: StepDeps): Step<DeployInput> {
  return {
    name: "test",
    timeoutMs: deps.limits.testMs + 60_000,
    retry: { tries: 2, backoffMs: 1_000, factor: 2 },
    async run(context) {
      const spec = specIn(context);
      const command = spec.build?.test;
      if (!command) return skipped("The spec has no `build.test`.");
      const exitCode = await runCommand(deps, context, spec, { step: "test", command, timeoutMs: deps.limits.testMs });
      if (exitCode !== 0) throw commandFailed("tests_failed", "`build.test`", exitCode);
      return done({ exitCode });
    },
  };
}

/** Databases are not saved before migrations: it is said where somebody might believe otherwise. */
export function snapshot(): Step<DeployInput> {
  return {
    name: "snapshot",
    timeoutMs: 10_000,
    pure: true,
    async run(context) {
      const { postgres } = specIn(context).infrastructure;
      if (!postgres) return skipped("No postgres block in the spec.");
      return skipped(`Norns does not take database snapshots yet; nothing of ${postgres.database} was saved.`);
    },
  };
}

export function migrate(deps: StepDeps): Step<DeployInput> {
  return {
    name: "migrate",
    timeoutMs: deps.limits.migrateMs + 60_000,
    // A worker that dies runs them once more, as every migration tool expects; a failure is not repeated.
    retry: { tries: 2, backoffMs: 1_000, factor: 2 },
    cannotUndo: "Migrations are not taken back: they may have changed data that others read since.",
    async run(context) {
      const spec = specIn(context);
      if (!spec.migrations) return skipped("The spec has no `migrations`.");
      const exitCode = await runCommand(deps, context, spec, {
        step: "migrate",
        command: spec.migrations,
        timeoutMs: deps.limits.migrateMs,
      });
      if (exitCode !== 0) throw commandFailed("migrations_failed", "`migrations`", exitCode);
      return done({ exitCode });
    },
  };
}

function specIn(context: StepContext<DeployInput>): Infraspec {
  const { source, specText } = clonedOf(context);
  return specOf(context.input.app, specText, source.commit);
}

async function runCommand(
  deps: StepDeps,
  context: StepContext<DeployInput>,
  spec: Infraspec,
  command: { step: PrintingStep; command: string; timeoutMs: number },
): Promise<number> {
  const { workspace, app, release } = context.input;
  const built = context.outputOf<Json>("build") as unknown as Built;
  return withOutput(deps, context, command.step, async (output, say) => {
    say(`Running: ${command.command}`);
    const { exitCode } = await deps.processes.engineOf(engineOf(spec)).runOnce({
      workspace,
      app,
      release,
      artifact: built.artifact,
      command: command.command,
      env: {
        ...deps.buildEnv,
        ...environmentOf({
          workspace,
          app,
          release,
          number: built.release,
          commit: clonedOf(context).source.commit,
          spec,
          artifact: built.artifact,
        }),
      },
      volumes: spec.volumes,
      timeoutMs: command.timeoutMs,
      output,
      signal: context.signal,
    });
    return exitCode;
  });
}
