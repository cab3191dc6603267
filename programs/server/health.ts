/** `/api/health` and `/api/version`: open to anyone, and answering whatever is away. */
import { withinTime } from "@norns/kernel/clock";
import { addRoute, z, type Router } from "@norns/kernel/http";
import { version } from "./version.ts";

/** Something the server leans on. `check` resolves when it is up and rejects when it is not. */
export interface Service {
  readonly name: string;
  readonly check: (signal: AbortSignal) => Promise<unknown>;
}

/** An adapter in use, so that a stand-in never serves unnoticed: `database: embedded`, `transport: postgres`. */
export type AdaptersInUse = Readonly<Record<string, string | readonly string[]>>;

export interface Health {
  readonly services: readonly Service[];
  readonly adapters: () => AdaptersInUse | Promise<AdaptersInUse>;
}

const checkTimeoutMs = 2_000;
/** A flood of health requests asks each service once in this time. */
const keepMs = 500;

const healthAnswer = z
  .object({
    status: z.enum(["ok", "degraded"]),
    services: z.record(z.string(), z.enum(["up", "down"])),
    version: z.string(),
    adapters: z.record(z.string(), z.union([z.string(), z.array(z.string()).readonly()])),
  })
  .openapi("Health");
export type HealthAnswer = z.infer<typeof healthAnswer>;

/** Answers within `checkTimeoutMs`, whatever hangs. */
export function createHealthCheck({ services, adapters }: Health): () => Promise<HealthAnswer> {
  let kept: { answer: Promise<HealthAnswer>; at: number } | undefined;
  const ask = async (): Promise<HealthAnswer> => {
    const states = await Promise.all(services.map(async (service) => [service.name, await isUp(service)] as const));
    return {
      status: states.every(([, state]) => state === "up") ? "ok" : "degraded",
      services: Object.fromEntries(states),
      version,
      adapters: await adapters(),
    };
  };
  return () => {
    const now = performance.now();
    if (!kept || now - kept.at > keepMs) kept = { answer: ask(), at: now };
    return kept.answer;
  };
}

async function isUp({ check }: Service): Promise<"up" | "down"> {
  try {
    await withinTime(check(AbortSignal.timeout(checkTimeoutMs)), checkTimeoutMs, () => new Error("too late"));
    return "up";
  } catch {
    return "down";
  }
}

export function healthRoutes(router: Router, check: () => Promise<HealthAnswer>): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/health",
      summary: "Say whether the server and what it leans on work",
      description: "Always 200 while the server answers at all; `status` says whether something is away.",
      tag: "Server",
      access: { open: "load balancers and people without an account need it" },
      identifies: false,
      answer: healthAnswer,
    },
    check,
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/version",
      summary: "Say which version runs",
      tag: "Server",
      access: { open: "it tells no more than the health answer" },
      identifies: false,
      answer: z.object({ version: z.string() }).openapi("Version"),
    },
    () => ({ version }),
  );
}
