/** A visitor of apps: connects to the address and sends the name, as no resolver here knows `x.localhost`. */
import { Agent, request } from "node:http";

export interface Visit {
  readonly at: number;
  /** 0 when there was no whole answer: then `error` says why. */
  readonly status: number;
  readonly body: string;
  readonly error?: string;
}

export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

/** Never rejects: a failed request is what is to be seen. */
export function visit(port: number, host: string, path = "/", options: VisitOptions = {}): Promise<Visit> {
  const at = Date.now();
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ at, status: 0, body: "", error: error.message });
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: options.method ?? "GET",
        headers: { host, ...options.headers },
        agent: options.agent ?? false,
        timeout: options.timeoutMs ?? 10_000,
      },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => (body += text));
        answer.on("end", () => resolve({ at, status: answer.statusCode ?? 0, body }));
        answer.on("error", fail);
      },
    );
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("error", fail);
    sent.end(options.body);
  });
}

export interface Crowd {
  readonly seen: readonly Visit[];
  /** No new request; resolves when the last one has its answer. */
  stop(): Promise<readonly Visit[]>;
}

/** So many requests each second, evenly, whatever the answers take, until it is stopped. */
export function keepVisiting(port: number, host: string, perSecond: number, path = "/"): Crowd {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const seen: Visit[] = [];
  const open = new Set<Promise<void>>();
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    // A timer that came late sends what it owes: the rate is over the whole time.
    for (const due = ((performance.now() - started) * perSecond) / 1000; sent < due; sent++) {
      const one: Promise<void> = visit(port, host, path, { agent }).then((answer) => {
        seen.push(answer);
        open.delete(one);
      });
      open.add(one);
    }
  }, 5);
  return {
    seen,
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
      return seen;
    },
  };
}
