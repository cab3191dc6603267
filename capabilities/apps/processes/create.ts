import type { Ingress } from "@norns/adapters/ingress";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { NodeId } from "@norns/kernel/ids";
import type { Ledger } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import type { Engines, Processes } from "./processes.ts";

export interface ProcessesDeps {
  readonly store: Store;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly engines: Engines;
  /** All ingresses that this server feeds; none in a worker that serves no requests. */
  readonly ingresses: readonly Ingress[];
  readonly node: NodeId;
  /** How this machine is called in `nodeName`. */
  readonly nodeName?: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * How long to wait after a switch for the routing tables of other server processes, in milliseconds: 0 when this one
   * serves all requests, else a little more than their 1 s poll.
   */
  readonly otherServersMs?: number;
}

export declare function createProcesses(deps: ProcessesDeps): Processes;
