import type { InstanceExit } from "@norns/adapters/engines";
import type { InstanceId, ProcessName } from "@norns/kernel/ids";

/** What was seen of an instance that is not healthy: enough to say why without looking further. */
export interface Evidence {
  readonly instance?: InstanceId;
  readonly process: ProcessName;
  readonly index: number;
  readonly address?: string;
  /** The last look from outside: status code and the first 2 KB of the body, or why there was no answer. */
  readonly status?: number;
  readonly body?: string;
  readonly error?: string;
  readonly exit?: InstanceExit;
  readonly logs: readonly string[];
  readonly waitedMs: number;
}

export type Verdict =
  | { readonly healthy: true; readonly instances: readonly InstanceId[]; readonly waitedMs: number }
  | { readonly healthy: false; readonly reason: string; readonly evidence: readonly Evidence[] };

export interface HealthWait {
  readonly signal: AbortSignal;
  /** Told at each change of an instance: `web.0 answers 503`. */
  readonly onProgress?: (message: string, metadata: Readonly<Record<string, string>>) => void;
}
