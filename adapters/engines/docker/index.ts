export { createDockerEngine, type DockerEngineOptions } from "./engine.ts";
