import { formatDuration } from "./duration.ts";
import type { EnvMap, Infraspec, ProcessSpec } from "./infraspec.ts";
import { looksSecret, masked, maskUrl } from "./secret-like.ts";

/** The spec with the file's own field names and units, as the API shows it. */
export type SpecJson = ReturnType<typeof toSpecJson>;

/** The spec as clients read it. Values of `env` that look like secrets, and passwords in addresses, are masked. */
export function toSpecJson(spec: Infraspec) {
  const { repo, infrastructure, ...rest } = spec;
  return {
    ...rest,
    ...(repo ? { repo: { ...repo, url: maskUrl(repo.url) } } : {}),
    ...(Object.keys(infrastructure).length > 0 ? { infrastructure } : {}),
    processes: Object.fromEntries(spec.processes.map((process) => [process.name, toProcessJson(process, spec.secrets)])),
    env: maskEnv(spec.env, spec.secrets),
    endpoints: spec.endpoints.map(({ url, region, process }) => ({ url, ...present({ region, process }) })),
  };
}

function toProcessJson(spec: ProcessSpec, declared: readonly string[]) {
  const { name: _, health, drain, resources, scaling, canary, tuning, function: fn, ...process } = spec;
  const { perRegion, ...scale } = scaling;
  return {
    ...process,
    env: maskEnv(process.env, declared),
    ...(fn ? { function: { timeout: formatDuration(fn.timeoutMs), ...present({ memory: fn.memoryMb }) } } : {}),
    health: {
      ...present({ path: health.path }),
      interval: formatDuration(health.intervalMs),
      timeout: formatDuration(health.timeoutMs),
      deadline: formatDuration(health.deadlineMs),
    },
    scaling: { ...scale, ...present({ perRegion }) },
    drain: { signal: drain.signal, timeout: formatDuration(drain.timeoutMs) },
    resources: { cpu: resources.cpuMhz, memory: resources.memoryMb },
    ...(canary ? { canary: { count: canary.count, evaluateAfter: formatDuration(canary.evaluateAfterMs) } } : {}),
    ...(tuning
      ? {
          tuning: {
            mode: tuning.mode,
            ...(tuning.cooldownMs === undefined ? {} : { cooldown: formatDuration(tuning.cooldownMs) }),
            profiles: Object.fromEntries(
              Object.entries(tuning.profiles).map(([key, size]) => [key, present({ cpu: size.cpuMhz, memory: size.memoryMb })]),
            ),
            ...present({ limits: tuning.limits }),
            signals: tuning.signals,
          },
        }
      : {}),
  };
}

const present = <T extends object>(fields: T): Partial<T> =>
  // Only entries of the object itself are kept, so the result is a part of it.
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

const maskEnv = (env: EnvMap, declared: readonly string[]): EnvMap =>
  Object.fromEntries(
    Object.entries(env).map(([key, value]) => [key, value !== "" && (declared.includes(key) || looksSecret(key, value)) ? masked : value]),
  );
