/** The parts of this machine that run on without a server, found by what they are labelled with, and ended. */
import { createDockerEngine } from "@norns/adapters/engines/docker";
import { createProcessEngine } from "@norns/adapters/engines/process";
import type { Instance } from "@norns/adapters/engines";
import { stopEmbeddedPostgres } from "@norns/adapters/stores/embedded";
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import type { NodeId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";

export interface DownDeps {
  readonly config: Config;
  readonly home: string;
  readonly node: NodeId;
  readonly signal: AbortSignal;
}

/** Stops every instance of both engines, then the supervisor. No server may be left that would start them again. */
export async function stopInstances({ config, home, node, signal }: DownDeps): Promise<readonly Instance[]> {
  const shared = { home, node, log: silentLog, clock: systemClock };
  const processes = createProcessEngine({ ...shared, buildEnv: {} });
  const docker = createDockerEngine({ ...shared, socketPath: config.dockerSocket });
  try {
    const stopped: Instance[] = [];
    for (const engine of [processes, docker]) {
      // A daemon that is away runs nothing of ours; asking ends what builds of a killed server left, too.
      if (!(await engine.support()).isAvailable) continue;
      const there = (await engine.observe()).filter(({ state }) => state !== "lost");
      await engine.stop(
        there.map(({ id }) => id),
        { signal },
      );
      stopped.push(...there);
    }
    await processes.retireSupervisor();
    return stopped;
  } finally {
    await Promise.all([processes.close(), docker.close()]);
  }
}

/** The database's process, when one was left running. */
export const stopDatabase = ({ home, signal }: Pick<DownDeps, "home" | "signal">): Promise<number | undefined> =>
  stopEmbeddedPostgres({ home, signal });
