import type { WorkspaceId } from "@norns/kernel/ids";
import type { StatsJson } from "./contract.ts";
import type { VerbDeps } from "./create.ts";

const longestUp = 10;

/** Deployments since midnight UTC, and what runs now. */
export async function getStats(deps: Pick<VerbDeps, "rows" | "processes" | "clock">, workspace: WorkspaceId): Promise<StatsJson> {
  const now = deps.clock.now();
  const [counts, statuses] = await Promise.all([deps.rows.countSince(workspace, startOfDay(now)), deps.processes.listStatuses(workspace)]);
  const sum = (of: typeof counts) => of.reduce((total, { count }) => total + count, 0);
  const byApp = [...Map.groupBy(counts, ({ app }) => app)]
    .map(([app, of]) => ({ app, count: sum(of) }))
    .toSorted((left, right) => right.count - left.count);
  const allocations = statuses.flatMap((status) => status.allocations.map((allocation) => ({ allocation, app: status.spec.name })));
  const running = allocations.filter(({ allocation }) => allocation.status === "running");
  return {
    deploys: {
      total: sum(counts),
      success: sum(counts.filter(({ outcome }) => outcome === "deployed")),
      failed: sum(counts.filter(({ outcome }) => outcome === "failed")),
      ...(byApp[0] ? { mostPopularApp: byApp[0].app, mostPopularN: byApp[0].count } : {}),
    },
    appCount: statuses.length,
    totalAllocs: allocations.length,
    runningAllocs: running.length,
    uptimeLeaderboard: running
      .toSorted((left, right) => (left.allocation.startedAt < right.allocation.startedAt ? -1 : 1))
      .slice(0, longestUp)
      .map(({ allocation, app }) => ({
        allocId: allocation.id,
        jobId: app,
        taskGroup: allocation.taskGroup,
        uptime: uptimeText(now - Date.parse(allocation.startedAt)),
        nodeName: allocation.nodeName,
        startedAt: allocation.startedAt,
      })),
  };
}

export const startOfDay = (at: number): number => at - (at % 86_400_000);

/** `1d 2h 3m`, the units that are not nought before the first that is. */
export function uptimeText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
  return [days > 0 ? `${days}d` : "", days > 0 || hours > 0 ? `${hours}h` : "", `${minutes % 60}m`].filter(Boolean).join(" ");
}
