/**
 * What server and supervisor say to each other over `run/supervisor.sock`: one JSON value a line, bounded. Every request
 * may be sent twice and means it once, so a client that lost the answer asks again.
 */
import type { AppName, InstanceId, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { InstanceStats } from "../../port.ts";
import type { Instance } from "../../workload.ts";

/** Raise it with every change that an older supervisor would not understand: the newer one then takes over. */
export const supervisorVersion = 1;
export const maxLineBytes = 4 * 1024 * 1024;

/** How to start one process of the app: all that the supervisor knows of isolation. */
export interface Launch {
  /** The whole command, sandbox included; the user's own string is one argument of `sh -c` within it. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The app's environment; the supervisor adds PORT and its marks. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * `process`: the environment is given to the process itself. `bubblewrap`: bubblewrap sets it inside, told over file
   * descriptor 5, because LD_PRELOAD and the like must not reach what runs before the sandbox stands.
   */
  readonly envBy: "process" | "bubblewrap";
  /** Runs from its first instruction as this user and group; absent: as ours. */
  readonly uid?: number;
}

export interface GroupRequest {
  readonly process: ProcessName;
  readonly count: number;
  readonly hasPort: boolean;
  readonly launch: Launch;
  readonly memoryMb: number;
  readonly drain: { readonly signal: string; readonly timeoutMs: number };
}

export interface ApplyRequest {
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly groups: readonly GroupRequest[];
  readonly keepUp: boolean;
  /** Ids for instances that must be started: as many as the counts add up to. */
  readonly newIds: readonly InstanceId[];
}

export interface Methods {
  hello(params: { version: number }): Promise<{ version: number; pid: number; node: NodeId }>;
  apply(params: ApplyRequest): Promise<readonly Instance[]>;
  list(params: Record<string, never>): Promise<readonly Instance[]>;
  stop(params: { instances: readonly InstanceId[] }): Promise<null>;
  restart(params: { instance: InstanceId }): Promise<Instance>;
  stats(params: { instances: readonly InstanceId[] }): Promise<readonly InstanceStats[]>;
  explain(params: { instance: InstanceId }): Promise<string | null>;
  subscribe(params: Record<string, never>): Promise<null>;
  /** The supervisor ends; its instances run on, and their output waits in their pipes for the next one. */
  retire(params: Record<string, never>): Promise<null>;
}

export type Method = keyof Methods;
export type Params<M extends Method> = Parameters<Methods[M]>[0];
export type Result<M extends Method> = Awaited<ReturnType<Methods[M]>>;

export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly params: unknown;
}

export interface Failure {
  readonly kind: "not_found" | "unavailable" | "bug";
  readonly code: string;
  readonly message: string;
}

export type Message =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure }
  | { readonly event: "changed" };

/** Cuts a stream of bytes into lines; throws at a line longer than the bound. */
export function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let length = 0;
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]).toString();
      parts = [];
      length = 0;
      from = end + 1;
      onLine(line);
    }
    if (from < chunk.length) {
      parts.push(chunk.subarray(from));
      length += chunk.length - from;
      if (length > maxLineBytes) throw new Error("a line of more than 4 MB");
    }
  };
}
