export { loadConfig, type Config, type Environment, type Secrets } from "./load.ts";
export { Secret } from "./secret.ts";
export { documentConfiguration } from "./document.ts";
