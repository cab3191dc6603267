import type { Finding } from "./finding.ts";
import type { Infraspec } from "./infraspec.ts";

export interface ParseOptions {
  /** Values that look like secrets in `env` are errors instead of warnings. */
  readonly strictSecrets?: boolean;
}

export interface ParsedInfraspec {
  /** Null exactly if a finding is an error. */
  readonly spec: Infraspec | null;
  readonly findings: readonly Finding[];
}

/** Reads the text of an infraspec.yaml. Never throws, whatever the text: what is wrong becomes findings. */
export declare function parseInfraspec(text: string, options?: ParseOptions): ParsedInfraspec;
