/**
 * Metrics in Prometheus' text form. Counted as they happen: http. Asked when somebody looks: queues, operations, memory;
 * so an idle server measures nothing.
 */
import type { HttpMeter } from "./index.ts";

/** Numbers by label values, asked at each scrape. */
export interface Gauges {
  /** `norns_queue_operations{queue,state}` and the like: name, help, label names, and who knows the numbers. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: () => Promise<readonly { readonly labels: readonly string[]; readonly value: number }[]>;
}

export interface Metrics extends HttpMeter {
  addGauges(gauges: Gauges): void;
  /** The text of `/metrics`. A source that fails leaves its numbers out and is counted in `norns_scrape_errors`. */
  render(): Promise<string>;
}

const bucketsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Prometheus' exposition format is small and prom-client costs 3 MB and a timer: this writes it directly. */
export function createMetrics(): Metrics {
  const http = new Map<string, Histogram>();
  const sources: Gauges[] = [];

  return {
    observe(method, route, status, durationMs) {
      const key = `method="${escapeLabel(method)}",route="${escapeLabel(route)}",status="${status}"`;
      let histogram = http.get(key);
      if (!histogram) http.set(key, (histogram = { buckets: bucketsMs.map(() => 0), sum: 0, count: 0 }));
      histogram.count += 1;
      histogram.sum += durationMs;
      const index = bucketsMs.findIndex((bound) => durationMs <= bound);
      if (index !== -1) histogram.buckets[index]! += 1;
    },
    addGauges: (gauges) => void sources.push(gauges),
    async render() {
      const lines = renderHttp(http);
      let errors = 0;
      for (const { name, help, labels, read } of sources) {
        try {
          const values = await read();
          lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
          for (const { labels: given, value } of values) {
            const text = labels.map((label, index) => `${label}="${escapeLabel(given[index] ?? "")}"`).join(",");
            lines.push(`${name}${text ? `{${text}}` : ""} ${value}`);
          }
        } catch {
          errors += 1;
        }
      }
      lines.push(
        "# HELP norns_scrape_errors Sources that could not be read for this answer.",
        "# TYPE norns_scrape_errors gauge",
        `norns_scrape_errors ${errors}`,
      );
      return `${lines.join("\n")}\n`;
    },
  };
}

function renderHttp(http: Map<string, Histogram>): string[] {
  const lines = [
    "# HELP norns_http_request_duration_seconds Time until the answer began.",
    "# TYPE norns_http_request_duration_seconds histogram",
  ];
  for (const [key, { buckets, sum, count }] of http) {
    let below = 0;
    for (const [index, bound] of bucketsMs.entries()) {
      below += buckets[index]!;
      lines.push(`norns_http_request_duration_seconds_bucket{${key},le="${bound / 1000}"} ${below}`);
    }
    lines.push(`norns_http_request_duration_seconds_bucket{${key},le="+Inf"} ${count}`);
    lines.push(
      `norns_http_request_duration_seconds_sum{${key}} ${sum / 1000}`,
      `norns_http_request_duration_seconds_count{${key}} ${count}`,
    );
  }
  return lines;
}

const escapeLabel = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
