/** What every process of an instance carries in its environment, so that it can be found without a record. */
export const instanceMark = "NORNS_INSTANCE";
/** Tells our instances from a container's that carries the same label, and from another installation's. */
export const supervisorMark = "NORNS_SUPERVISOR";
