/** What is measured. The port is tiny, so that Workers can leave it out and tests can read it. */
export interface HttpMeter {
  /** One answered request: method, the route's pattern (never the path: ids would make a series each), status, duration. */
  observe(method: string, route: string, status: number, durationMs: number): void;
}

export { createMetrics, type Gauges, type Metrics } from "./metrics.ts";
