/** What is done about an app that is not as it should be: it is restored, and what belongs to nobody is reported. */
import type { Instance } from "@norns/adapters/engines";
import { Write, type Store } from "@norns/kernel/database";
import { subject, type Events } from "@norns/kernel/events";
import { activeStates, type Ledger } from "@norns/kernel/ledger";
import type { CurrentRelease } from "../desired/current-release.ts";
import type { ProcessesOperations } from "../operations.ts";
import type { Answers } from "./watcher.ts";

export interface AnswerDeps {
  readonly store: Store;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly operations: Pick<ProcessesOperations, "reconcile">;
}

/** An app with an operation under way is that operation's business. */
export function createAnswers({ store, events, ledger, operations }: AnswerDeps): Omit<Answers, "reportUnhealthy"> {
  const isBusy = async (app: string): Promise<boolean> => {
    const active = await ledger.list({ subject: subject("app", app), states: activeStates, limit: 1 });
    return active.operations.length > 0;
  };

  return {
    async restore(current: CurrentRelease): Promise<void> {
      if (await isBusy(current.app)) return;
      const write = new Write();
      ledger.start(write, {
        definition: operations.reconcile,
        input: { workspace: current.workspace, app: current.app },
        workspace: current.workspace,
        subject: subject("app", current.app),
        actor: { label: "norns" },
        node: current.node,
      });
      await write.commit(store);
    },

    /** Never killed: somebody may want it. An app's first deployment has instances before it has a release. */
    async reportOrphan(instance: Instance): Promise<boolean> {
      if (await isBusy(instance.app)) return false;
      const write = new Write();
      events.append(write, {
        workspace: instance.workspace,
        subject: subject("app", instance.app),
        category: "system",
        action: "app.orphan",
        message: `An instance of ${instance.app} (${instance.process}, ${instance.handle}) runs, and no release of it is in service. Norns leaves it alone.`,
        metadata: { instance: instance.id, process: instance.process, release: instance.release, handle: instance.handle },
        actor: "norns",
      });
      await write.commit(store);
      return true;
    },
  };
}
