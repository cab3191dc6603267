/** Real servers for tests: apps on free ports, and a front server that hands requests to an ingress. */
import { createServer, request, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { systemClock } from "@norns/kernel/clock";
import type { AppName, InstanceId, ProcessName } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import type { Route, ServingIngress, Target } from "../port.ts";
import { createBuiltinIngress, type BuiltinIngressOptions } from "./ingress.ts";

export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly target: Target;
  /** Requests it has seen, by method and path. */
  readonly seen: string[];
}

let count = 0;

/** An app's instance. */
export async function anInstance(listener: RequestListener, options: { keepAliveTimeout?: number } = {}): Promise<TestServer> {
  const seen: string[] = [];
  const server = createServer({ keepAliveTimeout: options.keepAliveTimeout ?? 5000 }, (req, res) => {
    seen.push(`${req.method} ${req.url}`);
    listener(req, res);
  });
  const port = await listen(server);
  const target = { instance: `ins_${++count}` as InstanceId, host: "127.0.0.1", port };
  return { server, port, target, seen, [Symbol.asyncDispose]: () => end(server) };
}

export interface Front extends AsyncDisposable {
  readonly ingress: ServingIngress;
  readonly port: number;
}

export async function aFront(options: Partial<BuiltinIngressOptions> = {}): Promise<Front> {
  const ingress = createBuiltinIngress({ log: silentLog, clock: systemClock, controlCookieNames: ["norns", "better-auth.*"], ...options });
  const server = createServer((req, res) => ingress.handle(req, res));
  server.on("upgrade", (req, socket, head) => ingress.upgrade(req, socket, head));
  const port = await listen(server);
  return {
    ingress,
    port,
    async [Symbol.asyncDispose]() {
      await ingress.close(0);
      await end(server);
    },
  };
}

export const aRoute = (targets: readonly Target[], hostname = "hello.localhost"): Route => ({
  hostname,
  app: "hello" as AppName,
  process: "web" as ProcessName,
  targets,
});

/** A port where nothing listens. */
export async function aClosedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await end(server);
  return port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export function call(
  port: number,
  path = "/",
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        path,
        method: options.method ?? "GET",
        agent: false,
        headers: { host: "hello.localhost:8800", ...options.headers },
      },
      (res) => {
        let body = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => (body += chunk));
        res.on("end", () => resolve({ status: res.statusCode!, headers: res.headers, rawHeaders: res.rawHeaders, body }));
        res.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

/** Sends bytes as they are and gives back everything until the other side ends. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let all = "";
    socket.setEncoding("utf8");
    socket.setTimeout(1500, () => socket.destroy());
    socket.on("data", (chunk: string) => (all += chunk));
    socket.on("close", () => resolve(all));
    socket.on("error", reject);
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
