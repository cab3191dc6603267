/** What the daemon is, and what it says of a container's use. */
import { NornsError } from "@norns/kernel/errors";
import type { InstanceId } from "@norns/kernel/ids";
import type { InstanceStats, Support } from "../port.ts";
import { type Daemon, isRefusal } from "./transport.ts";

interface Info {
  readonly CgroupVersion?: string;
  readonly OperatingSystem?: string;
  readonly SecurityOptions?: readonly string[];
}

export async function supportOf(daemon: Daemon): Promise<Support> {
  try {
    const [version, info] = await Promise.all([
      daemon.call<{ Version: string }>("GET", "/version", { timeoutMs: 3000 }),
      daemon.call<Info>("GET", "/info", { timeoutMs: 3000 }),
    ]);
    const security = (info.SecurityOptions ?? []).map((option) => /name=([a-z]+)/.exec(option)?.[1]).filter((name) => name !== undefined);
    return {
      isAvailable: true,
      artifact: "image",
      isolation: [
        `a container an instance (Docker ${version.Version})`,
        "a network an app",
        "seven of root's capabilities, none to be gained",
        `memory and process limits, CPU by weight (cgroup v${info.CgroupVersion ?? "1"})`,
        ...security,
      ],
    };
  } catch (thrown) {
    if (!(thrown instanceof NornsError)) throw thrown;
    return { isAvailable: false, reason: thrown.message, artifact: "image", isolation: [] };
  }
}

/** Where containers can be reached from here. Docker Desktop and rootless daemons keep their networks to themselves. */
export async function findReach(daemon: Daemon): Promise<"address" | "published"> {
  const info = await daemon.call<Info>("GET", "/info");
  const isElsewhere =
    /desktop/i.test(info.OperatingSystem ?? "") || (info.SecurityOptions ?? []).some((option) => option.includes("rootless"));
  return isElsewhere ? "published" : "address";
}

interface SaidStats {
  readonly memory_stats?: {
    readonly usage?: number;
    readonly stats?: { readonly inactive_file?: number; readonly total_inactive_file?: number };
  };
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
}

/** Memory without the file cache that the kernel would give back, as `docker stats` counts it. */
export async function statsOf(daemon: Daemon, containerId: string, instance: InstanceId): Promise<InstanceStats | undefined> {
  try {
    const { memory_stats, cpu_stats } = await daemon.call<SaidStats>("GET", `/containers/${containerId}/stats`, {
      query: { stream: false, "one-shot": true },
    });
    const cache = memory_stats?.stats?.total_inactive_file ?? memory_stats?.stats?.inactive_file ?? 0;
    return {
      instance,
      memoryBytes: Math.max(0, (memory_stats?.usage ?? 0) - cache),
      cpuMs: Math.round((cpu_stats?.cpu_usage?.total_usage ?? 0) / 1e6),
    };
  } catch (thrown) {
    if (isRefusal(thrown, 404, 409)) return undefined;
    throw thrown;
  }
}
