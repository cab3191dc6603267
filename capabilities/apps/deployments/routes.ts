import type { Router } from "@norns/kernel/http";
import type { Deployments } from "./deployments.ts";

export declare function deploymentsRoutes(router: Router, deployments: Deployments): void;
