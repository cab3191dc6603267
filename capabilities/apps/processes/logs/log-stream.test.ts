import { describe, expect, it } from "vitest";
import type { LogGap, LogLine } from "@norns/adapters/engines";
import { newId } from "@norns/kernel/ids";
import { cursorsOf, sinceOf, toLogEvents } from "./log-stream.ts";

const [one, two] = [newId("InstanceId"), newId("InstanceId")];
const line = (instance: string, offset: number, text: string): LogLine =>
  ({ at: 1_000, stream: "stdout", process: "web", instance, text, cursor: `${instance}:1:${offset}` }) as LogLine;
async function* given(...lines: (LogLine | LogGap)[]) {
  yield* lines;
}
const collect = async (from: string[], ...lines: (LogLine | LogGap)[]) => {
  const events = [];
  for await (const event of toLogEvents(given(...lines), from)) events.push(event);
  return events;
};

describe("the log stream", () => {
  it("names in each event's id the place reached in every instance", async () => {
    const events = await collect([], line(one, 10, "a"), line(two, 7, "b"), line(one, 20, "c"));
    expect(events.map(({ id }) => id)).toEqual([`${one}:1:10`, `${one}:1:10,${two}:1:7`, `${two}:1:7,${one}:1:20`]);
  });

  it("continues from the ids it was given", async () => {
    const [event] = await collect([`${one}:1:10`], line(two, 7, "b"));
    expect(event!.id).toBe(`${one}:1:10,${two}:1:7`);
  });

  it("tells a gap as an event of its own", async () => {
    const [event] = await collect([], { gap: { instance: one, process: "web" as never, reason: "rotated away" }, cursor: `${one}:2:16` });
    expect(event).toMatchObject({ event: "gap", id: `${one}:2:16` });
  });

  it("[I6] refuses anything in Last-Event-ID that is not a list of cursors", () => {
    expect(cursorsOf(undefined)).toBeUndefined();
    expect(cursorsOf(`${one}:1:10,${two}:3:4`)).toHaveLength(2);
    for (const bad of ["../../etc:1:2", "x", "a:1:2;rm -rf", `${one}:1:-2`, `${one}:1:2,`])
      expect(() => cursorsOf(bad)).toThrow(/Last-Event-ID/);
  });

  it("[I6] reads spans, times and milliseconds, and refuses the rest", () => {
    const now = Date.parse("2026-01-01T00:10:00Z");
    expect(sinceOf("10m", now)).toBe(Date.parse("2026-01-01T00:00:00Z"));
    expect(sinceOf("2026-01-01T00:00:00Z", now)).toBe(Date.parse("2026-01-01T00:00:00Z"));
    expect(sinceOf("1234", now)).toBe(1234);
    for (const bad of ["$(id)", "10 fortnights", "--since=1"]) expect(() => sinceOf(bad, now)).toThrow(/since/);
  });
});
