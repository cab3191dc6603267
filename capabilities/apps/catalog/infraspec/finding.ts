/** What was found wrong, odd or worth knowing in an infraspec. One `error` makes the spec invalid: it is never deployed. */
export type Severity = "error" | "warning" | "info";

export interface Finding {
  readonly severity: Severity;
  /** `processes.web.health.path`; empty when the whole file is meant. */
  readonly field: string;
  /** What is wrong and what to write instead, for a person. */
  readonly message: string;
  /** Where in the file, 1-based. */
  readonly line?: number;
  readonly column?: number;
}

/** False exactly if one of the findings is an error. */
export const isValid = (findings: readonly Finding[]): boolean => !findings.some((finding) => finding.severity === "error");
