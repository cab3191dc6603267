export type { Ingress, Route, ServingIngress, Target } from "../port.ts";
export { createBuiltinIngress, ingressLimits, type BuiltinIngressOptions, type IngressLimits } from "./ingress.ts";
