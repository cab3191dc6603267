/**
 * How the world reaches an app: names to instances. The table is replaced whole at each change, so a request sees one
 * table or the other, never a mixture.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
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
  /** Shown on the page of an app without targets, one sentence: `A deployment is under way.` Nothing secret: anyone sees it. */
  readonly note?: string;
}

export interface Ingress {
  readonly name: string;
  setRoutes(routes: readonly Route[]): void;
  /** Resolves when no request is in flight to the instance any more, or when `timeoutMs` has passed. */
  drained(instance: InstanceId, timeoutMs: number): Promise<void>;
}

/** An ingress that serves requests itself, inside the server that a `node:http` server hands them over from. */
export interface ServingIngress extends Ingress {
  /** Whether this `Host` header is a name of the table. False: the caller answers, with 421 unless the name is its own. */
  handles(hostHeader: string | undefined): boolean;
  /** Answers the request in any case; never throws. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** The same for the server's `upgrade` event. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends idle connections at once and those in use when they are through, or when `timeoutMs` has passed. */
  close(timeoutMs: number): Promise<void>;
}
