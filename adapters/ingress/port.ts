/**
 * How the world reaches an app: names to instances. The table is replaced whole at each change, so a request sees one
 * table or the other, never a mixture.
 */
import type { AppName, InstanceId, ProcessName } from "@norns/kernel/ids";

export interface Target {
  readonly instance: InstanceId;
  readonly host: string;
  readonly port: number;
}

export interface Route {
  /** `hello.localhost`, `web.hello.localhost`, or a host of `endpoints[]`; lower case, no port. */
  readonly hostname: string;
  readonly app: AppName;
  readonly process: ProcessName;
  /** Healthy instances of the current release; empty answers 503 with a page that says what is going on. */
  readonly targets: readonly Target[];
}

export interface Ingress {
  readonly name: string;
  setRoutes(routes: readonly Route[]): void;
  /** Resolves when no request is in flight to the instance any more, or when `timeoutMs` has passed. */
  drained(instance: InstanceId, timeoutMs: number): Promise<void>;
}
