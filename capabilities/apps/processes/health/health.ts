/** What is known of one instance's health. */
export interface Look {
  readonly healthy: boolean;
  readonly at: number;
  readonly durationMs: number;
  readonly status?: number;
  /** The first 2 KB. */
  readonly body?: string;
  readonly error?: string;
}

export interface Health {
  /** Undefined until it has been judged. */
  readonly isHealthy: boolean | undefined;
  /** The last look from outside, when it was not a good one. */
  readonly badLook?: Look | undefined;
}

export const unknownHealth: Health = { isHealthy: undefined };
