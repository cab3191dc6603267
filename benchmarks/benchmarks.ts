/** Every benchmark, in the order of README.md's table. */
import { apiList } from "./api-list.ts";
import { cli } from "./cli.ts";
import { deployDocker } from "./deploy-docker.ts";
import { deployProcess } from "./deploy-process.ts";
import { footprint } from "./footprint.ts";
import { ingress } from "./ingress.ts";
import { liveEvents } from "./live-events.ts";
import type { Benchmark } from "./measure.ts";
import { operations } from "./operations.ts";

export const benchmarks: readonly Benchmark[] = [apiList, operations, liveEvents, deployDocker, deployProcess, ingress, footprint, cli];
