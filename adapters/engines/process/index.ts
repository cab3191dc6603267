export { createProcessEngine, type ProcessEngine, type ProcessEngineOptions } from "./engine.ts";
