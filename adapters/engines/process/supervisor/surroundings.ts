/** What an instance needs of the supervisor around it, and how its phases are shown outside. */
import type { NodeId } from "@norns/kernel/ids";
import type { InstanceState } from "../../workload.ts";
import type { InstanceRecord } from "./record.ts";

export interface Surroundings {
  readonly home: string;
  readonly node: NodeId;
  readonly records: string;
  readonly pipes: string;
  /** Gives the record a free port and remembers it as taken. */
  reservePort(record: InstanceRecord): Promise<void>;
  onChange(): void;
  onGone(record: InstanceRecord): void;
}

export const shownStates: Readonly<Record<InstanceRecord["phase"], InstanceState>> = {
  starting: "starting",
  running: "running",
  ending: "running",
  exited: "exited",
  stopping: "stopping",
};
