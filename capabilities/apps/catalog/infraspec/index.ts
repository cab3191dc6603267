/**
 * The infraspec: pure, no file system, no network, so the command line bundles it too.
 *
 * @example
 * const { spec, findings } = parseInfraspec("name: hello\nprocesses:\n  web: { command: node server.js, port: 3000 }\n");
 */
export { isValid, type Finding, type Severity } from "./finding.ts";
export { looksSecret } from "./secret-like.ts";
export {
  defaultProcessOf,
  drainSignals,
  engineNames,
  engineOf,
  updateOf,
  type BucketSpec,
  type DrainSignal,
  type EndpointSpec,
  type EngineName,
  type EnvMap,
  type Infraspec,
  type ProcessKind,
  type ProcessSpec,
  type VolumeSpec,
} from "./infraspec.ts";
export { parseInfraspec, type ParsedInfraspec, type ParseOptions } from "./parse.ts";
export { guessInfraspec, type GuessedInfraspec, type RepositoryFiles } from "./guess.ts";
export { toSpecJson, type SpecJson } from "./to-json.ts";
