/** The built-in ingress: what it adds to a request, and what a rolling update at 500 requests a second loses. */
import { atMost, median, type Benchmark } from "./measure.ts";
import { aSide } from "./processes.ts";
import { anAppsDirectory, commit, copyExample, deploy, ourServer, untilListed } from "./server.ts";
import type { Load, LoadResult } from "./sides/load.ts";

const rounds = 4;
const seconds = 3;

export const ingress: Benchmark = {
  name: "ingress",
  about: "what the built-in ingress adds to a request, and a rolling update under 500 requests a second",
  async run() {
    await using apps = await anAppsDirectory();
    const directory = await copyExample("01-hello", apps.path, "hello");
    await using server = await ourServer({ env: { NORNS_APPS_DIR: apps.path } });
    await untilListed(server, "hello");
    await deploy(server, "hello");
    await using load = await aSide<Load>("load.ts");
    const app = (await (await server.fetch("/api/apps/hello")).json()) as { allocations: { address?: string; isCurrent?: boolean }[] };
    const port = Number(app.allocations.find((one) => one.isCurrent)?.address?.split(":")[1]);
    const input = { path: "/", connections: 16, seconds, rate: 200 };
    const through = { ...input, port: server.port, headers: { Host: "hello.localhost" } };
    const figures = { direct: [] as LoadResult[], ingress: [] as LoadResult[] };
    for (let round = 0; round <= rounds; round++)
      for (const name of round % 2 === 0 ? (["direct", "ingress"] as const) : (["ingress", "direct"] as const)) {
        const result = await load.ask("run", name === "direct" ? { ...input, port, headers: {} } : through);
        if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} requests failed (${name}): ${result.firstFailure}`);
        if (round > 0) figures[name].push(result);
      }
    const p50 = (name: "direct" | "ingress") => median(figures[name].map((one) => one.p50));
    const p99 = (name: "direct" | "ingress") => median(figures[name].map((one) => one.p99));

    // Two updates under load, from well before to well after.
    const loading = load.ask("run", { ...through, connections: 64, rate: 500, seconds: 10 });
    for (const mark of ["second", "third"]) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await commit(directory, mark);
      await deploy(server, "hello");
    }
    const update = await loading;
    return [
      {
        ...atMost("ingress at 200 req/s, p50", p50("ingress"), p50("direct") + 1, "ms", "≤ direct + 1 ms"),
        note: `direct ${p50("direct").toFixed(2)} ms; p99 ${p99("ingress").toFixed(1)} against ${p99("direct").toFixed(1)} ms`,
      },
      {
        ...atMost("two rolling updates at 500 req/s, failed", update.failed, 0, "req", "0 failed"),
        ratio: update.failed,
        note: `${update.requests} requests${update.firstFailure ? `, first failure: ${update.firstFailure}` : ""}`,
      },
    ];
  },
};
