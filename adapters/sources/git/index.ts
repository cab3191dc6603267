export { createSources, type SourcesOptions } from "./sources.ts";
