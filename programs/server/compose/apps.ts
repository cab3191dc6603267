/** The apps wing: sources, engines and ingress below; catalogue, processes and deployments above. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Engine } from "@norns/adapters/engines";
import { createDockerEngine } from "@norns/adapters/engines/docker";
import { createProcessEngine } from "@norns/adapters/engines/process";
import type { Ingress } from "@norns/adapters/ingress";
import type { Outbound } from "@norns/adapters/outbound";
import type { Sources } from "@norns/adapters/sources";
import { createSources } from "@norns/adapters/sources/git";
import { createCatalog, type Catalog } from "@norns/capabilities/apps/catalog";
import { createDeployments, type Deployments } from "@norns/capabilities/apps/deployments";
import { createProcesses, type Processes } from "@norns/capabilities/apps/processes";
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import type { Setup } from "../compose.ts";
import type { Background } from "../background.ts";
import { chooseVariables } from "../build-env.ts";
import type { Node } from "../nodes.ts";
import type { Identity } from "./identity.ts";
import type { Kernel } from "./kernel.ts";
import type { State } from "./state.ts";

export interface Apps {
  readonly catalog: Catalog;
  readonly processes: Processes;
  readonly deployments: Deployments;
  readonly sources: Sources;
  readonly engines: readonly Engine[];
  /** Where registered repositories are looked into. */
  readonly scratchDir: string;
}

export interface AppsDeps {
  readonly setup: Setup;
  readonly state: State;
  readonly kernel: Kernel;
  readonly identity: Identity;
  readonly outbound: Outbound;
  /** None in a worker, which serves no requests. */
  readonly ingresses: readonly Ingress[];
  readonly node: Node;
  readonly background: Background;
  readonly own: AsyncDisposableStack;
}

/** A little more than the second in which other servers look for what is current. */
const otherServersMs = 1_500;

export async function composeApps(deps: AppsDeps): Promise<Apps> {
  const { setup, state, kernel, identity, node, background, own } = deps;
  const { config, home, log, role } = setup;
  const { events, ledger } = kernel;
  const { audit, defaultWorkspace } = identity;
  const shared = { store: state.store, events, ledger, audit, clock: systemClock, log };

  const sources = createSources({
    home,
    outbound: deps.outbound,
    log,
    clock: systemClock,
    ...(config.secrets.gitToken ? { gitToken: config.secrets.gitToken.reveal() } : {}),
    ...(config.gitSshKey ? { sshKey: config.gitSshKey } : {}),
  });
  const buildEnv = chooseVariables(setup.env, config.buildEnv);
  const engines = {
    process: createProcessEngine({ home, node: node.id, log, clock: systemClock, buildEnv }),
    docker: createDockerEngine({ socketPath: config.dockerSocket, node: node.id, home, log, clock: systemClock }),
  };
  for (const engine of Object.values(engines)) own.defer(() => engine.close());

  const catalog = createCatalog({ ...shared, defaultWorkspace, ...(role === "worker" ? {} : appsDirectoryOf(config)) });
  const processes = createProcesses({
    ...shared,
    catalog,
    engines,
    ingresses: deps.ingresses,
    node: node.id,
    nodeName: node.name,
    otherServersMs: role === "all" && state.kind === "embedded" ? 0 : otherServersMs,
  });
  const deployments = createDeployments({ ...shared, catalog, processes, sources, node: node.id, home, buildEnv });
  const scratchDir = join(home, "scratch");
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });

  background.run("catalogue", (signal) => catalog.watch(signal));
  await processes.start(background.signal);
  if (role !== "api") deployments.start(background.signal);
  return { catalog, processes, deployments, sources, engines: Object.values(engines), scratchDir };
}

/** The usual place counts when it is there; one that was asked for counts in any case, and its absence is told. */
function appsDirectoryOf({ appsDirectory }: Config): { appsDir?: string } {
  const usual = join(homedir(), "projects");
  if (appsDirectory !== undefined) return { appsDir: appsDirectory };
  return existsSync(usual) ? { appsDir: usual } : {};
}
