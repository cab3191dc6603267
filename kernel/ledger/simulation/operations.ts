/**
 * What the simulated servers do: a deploy as the apps wing does it, small, in two versions of the program; a scaling
 * without a lock; and an operation that only the newer version knows.
 */
import { z } from "zod";
import { Write } from "../../database/index.ts";
import { done, skipped, type OperationDefinition, type StepContext, type StepDefinition } from "../contract.ts";
import { defineOperation } from "../define.ts";
import { statement } from "../statements.ts";
import type { Engine } from "./engine.ts";
import { compiled, type Server } from "./house.ts";
import type { Tries } from "./tries.ts";

const input = z.object({ app: z.string() });
type Input = z.infer<typeof input>;
type Context = StepContext<Input>;

const setCurrent = statement("sqlite", "update simulated_apps set current = ?2, switches = switches + 1 where app = ?1");

export function definitionsFor(server: Server, engine: Engine, tries: Tries): OperationDefinition<never>[] {
  const patient = { tries: 4, backoffMs: 1_000, factor: 2 };

  /** An effect that happens once for each operation; whether it happened can be asked. */
  const effect = (
    name: string,
    more: Partial<StepDefinition<Input>> & { does?: (context: Context) => void } = {},
  ): StepDefinition<Input> => {
    const { does, ...rest } = more;
    const keyOf = (context: Context) => `${name} ${context.operation.id}`;
    return {
      name,
      timeoutMs: 20_000,
      retry: patient,
      run: (context) =>
        tries.during(server, context, async () => {
          tries.mustNotRepeat(server, context, keyOf(context));
          await engine.change(server, keyOf(context), context.signal, () => does?.(context));
          return done();
        }),
      probe: async (context) => ((await engine.has(server, keyOf(context), context.signal)) ? done() : undefined),
      ...rest,
    };
  };

  const pure = (name: string): StepDefinition<Input> => ({
    name,
    pure: true,
    timeoutMs: 10_000,
    run: (context) => tries.during(server, context, async () => done({ of: name })),
  });

  const current = async (app: string): Promise<string> => {
    const [result] = await server.store.batch([
      { compile: () => compiled("select current from simulated_apps where app = ?", [app]) as never },
    ]);
    return (result!.rows[0] as { current: string }).current;
  };

  const submit = effect("create", {
    does: (context) => engine.create(context.input.app, context.operation.id),
    async undo(context) {
      if ((await current(context.input.app)) === context.operation.id) return; // it serves: it stays
      await engine.change(server, `remove ${context.operation.id} ${context.operation.epoch}`, context.signal, () => {
        engine.remove(context.operation.id);
        engine.forget(`create ${context.operation.id}`);
      });
    },
  });

  const healthy: StepDefinition<Input> = {
    name: "healthy",
    timeoutMs: 60_000,
    retry: { tries: 2, backoffMs: 1_000, factor: 1 },
    run: (context) =>
      tries.during(server, context, async () => {
        let good = 0;
        for (;;) {
          const own = (await engine.list(server, context.input.app, context.signal)).find(
            (instance) => instance.key === context.operation.id,
          );
          good = own && engine.isHealthy(own) ? good + 1 : 0;
          if (good === 2) return done();
          if ((await engine.watch(server, context.signal)) === "gone") await context.clock.sleep(500, context.signal);
        }
      }),
  };

  const switchOver: StepDefinition<Input> = {
    name: "switch",
    timeoutMs: 10_000,
    retry: patient,
    cannotUndo: "the new release serves",
    run: (context) =>
      tries.during(server, context, async () => {
        const previous = await current(context.input.app);
        const write = new Write();
        write.add(setCurrent([context.input.app, context.operation.id]));
        return done({ previous }, write);
      }),
  };

  const drain: StepDefinition<Input> = {
    name: "drain",
    timeoutMs: 20_000,
    retry: patient,
    run: (context) =>
      tries.during(server, context, async () => {
        const { previous } = context.outputOf<{ previous: string }>("switch");
        if (previous === context.operation.id) return skipped("nothing served before");
        await engine.change(server, `drain ${previous}`, context.signal, () => engine.remove(previous));
        return done();
      }),
  };

  const isNew = server.version === 2;
  const deploy = defineOperation<Input>({
    name: "sim.deploy",
    queue: "app-deployments",
    category: "deploy",
    input,
    lock: ({ app }) => `app:${app}`,
    announcesSteps: true,
    steps: [
      pure("clone"),
      effect("build", { cannotUndo: "a build is kept" }),
      ...(isNew ? [pure("snapshot")] : []),
      effect("migrate", { cannotUndo: "migrations are not undone" }),
      submit,
      healthy,
      switchOver,
      drain,
      ...(isNew ? [pure("forge")] : []),
    ],
    onEnd({ operation }, write) {
      write.add(countEnd([operation.id]));
    },
  });
  const scale = defineOperation<Input>({
    name: "sim.scale",
    queue: "other",
    category: "scale",
    input,
    announcesSteps: false,
    undoesOnFailure: false,
    steps: [pure("look"), pure("think"), effect("scale"), pure("tell")],
  });
  const prune = defineOperation<Input>({
    name: "sim.prune",
    queue: "other",
    category: "prune",
    input,
    announcesSteps: false,
    steps: [effect("prune")],
  });
  // A definition is used only with inputs that its own schema has parsed.
  return [deploy, scale, ...(isNew ? [prune] : [])] as unknown as OperationDefinition<never>[];
}

const countEnd = statement(
  "sqlite",
  "insert into simulated_ends (operation, ends) values (?1, 1) on conflict (operation) do update set ends = ends + 1",
);
