/** Every benchmark, in the order of README.md's table. */
import { apiList } from "./api-list.ts";
import { cli } from "./cli.ts";
import { liveEvents } from "./live-events.ts";
import { operations } from "./operations.ts";
import type { Benchmark } from "./measure.ts";

export const benchmarks: readonly Benchmark[] = [apiList, operations, liveEvents, cli];
