import type { Router } from "@norns/kernel/http";
import type { Processes } from "./processes.ts";

export declare function processesRoutes(router: Router, processes: Processes): void;
