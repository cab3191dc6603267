export { createOutbound, type Outbound, type OutboundInit, type OutboundOptions, type PinnedAddress } from "./outbound.ts";
