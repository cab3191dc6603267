/** The part of a D1 binding that the store uses. Structural: the Workers runtime and miniflare both give it. */
export interface D1Result {
  readonly results?: unknown[];
  readonly meta: { readonly changes?: number };
}

export interface D1Statement {
  bind(...values: unknown[]): D1Statement;
  all(): Promise<D1Result>;
}

export interface D1Binding {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<D1Result[]>;
}
