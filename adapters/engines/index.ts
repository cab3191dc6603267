export type * from "./port.ts";
export type * from "./workload.ts";
