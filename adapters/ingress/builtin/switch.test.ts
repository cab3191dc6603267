import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { aFront, anInstance, aRoute } from "./fixtures.ts";

/** Sends `total` requests at a steady rate over kept connections; gives back what each got and how long it took. */
async function load(port: number, rate: number, total: number, host = "hello.localhost") {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const results: { body: string; ms: number }[] = [];
  const one = () =>
    new Promise<void>((resolve) => {
      const begin = performance.now();
      const done = (body: string) => {
        results.push({ body, ms: performance.now() - begin });
        resolve();
      };
      const isPost = results.length % 5 === 0;
      const sent = request({ port, host: "127.0.0.1", agent, method: isPost ? "POST" : "GET", headers: { host } }, (res) => {
        let body = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => (body += chunk));
        res.on("end", () => done(`${res.statusCode} ${body}`));
        res.on("error", (error) => done(`broken ${error.message}`));
      });
      sent.on("error", (error) => done(`failed ${error.message}`));
      sent.end(isPost ? "x" : undefined);
    });
  const all: Promise<void>[] = [];
  const begin = performance.now();
  for (let index = 0; index < total; index++) {
    const due = begin + (index * 1000) / rate;
    await wait(Math.max(0, due - performance.now()));
    all.push(one());
  }
  await Promise.all(all);
  agent.destroy();
  return results;
}

describe("a switch under load", () => {
  it("drops no request at 500 a second: route first, drain, then stop", { timeout: 30_000 }, async () => {
    await using front = await aFront();
    const start = (release: number) =>
      anInstance((_, res) => void setTimeout(() => res.end(`release ${release}`), release % 3 === 0 ? 0 : 5), {
        keepAliveTimeout: release % 2 ? 50 : 5000,
      });
    let current = await start(1);
    front.ingress.setRoutes([aRoute([current.target])]);
    const traffic = load(front.port, 500, 2000);
    for (let release = 2; release <= 12; release++) {
      await wait(300);
      const next = await start(release);
      front.ingress.setRoutes([aRoute([next.target])]);
      await front.ingress.drained(current.target.instance, 5000);
      await current[Symbol.asyncDispose]();
      current = next;
    }
    const results = await traffic;
    expect(results).toHaveLength(2000);
    expect(results.filter(({ body }) => !/^200 release \d+$/.test(body))).toEqual([]);
    expect(new Set(results.map(({ body }) => body)).size).toBe(12);
    await current[Symbol.asyncDispose]();
  });

  it("drops no request when an instance dies without a word and another is there", { timeout: 30_000 }, async () => {
    await using front = await aFront();
    await using first = await anInstance((_, res) => res.end("first"));
    const second = await anInstance((_, res) => res.end("second"));
    front.ingress.setRoutes([aRoute([first.target, second.target])]);
    const traffic = load(front.port, 300, 600);
    await wait(700);
    // Its listening socket closes and idle connections end: what a well-behaved server does on SIGTERM.
    second.server.close();
    second.server.closeIdleConnections();
    const results = await traffic;
    expect(results.filter(({ body }) => !/^200 (first|second)$/.test(body))).toEqual([]);
    await second[Symbol.asyncDispose]();
  });

  it("adds less than a millisecond to the median", { timeout: 30_000 }, async () => {
    await using front = await aFront();
    await using app = await anInstance((_, res) => res.end("ok"));
    front.ingress.setRoutes([aRoute([app.target])]);
    const median = (results: { ms: number }[]) => results.map(({ ms }) => ms).toSorted((left, right) => left - right)[results.length >> 1]!;
    const direct: number[] = [];
    const through: number[] = [];
    for (let round = 0; round < 3; round++) {
      direct.push(median(await load(app.port, 200, 200)));
      through.push(median(await load(front.port, 200, 200)));
    }
    // The best round of each: the others measure what else the machine is doing.
    expect(Math.min(...through) - Math.min(...direct)).toBeLessThan(1);
  });
});
