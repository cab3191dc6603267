import { describe, expect, it } from "vitest";
import { advance, drawStep, type Thread } from "./thread.ts";
import { createTerminal, plain, safeLine, table } from "./terminal.ts";
import { ago, bytes, duration } from "./words.ts";

const terminal = createTerminal({ stdout: { write: () => true } as never, stderr: { write: () => true } as never }, { isPlain: true });

describe("text of apps on a terminal", () => {
  it.each([
    ["a window title", "\u001b]0;pwned\u0007text", "text"],
    ["the clipboard", "\u001b]52;c;ZXZpbA==\u001b\\text", "text"],
    ["an unfinished sequence", "text\u001b]0;title", "text"],
    ["cursor movement", "\u001b[2J\u001b[1;1Htext", "text"],
    ["a device control string", "\u001bP1$r0m\u001b\\text", "text"],
    ["C1 controls", "te\u009b2Jxt", "te2Jxt"],
    ["backspaces and bells", "te\u0008\u0007xt", "text"],
  ])("[I9] it removes %s", (_, dirty, clean) => {
    expect(plain(dirty)).toBe(clean);
    expect(safeLine(dirty, true).replaceAll("\u001b[0m", "")).toBe(clean);
  });

  it("[I9] it keeps colours of a log line and ends them with the line", () => {
    expect(safeLine("\u001b[31mred", true)).toBe("\u001b[31mred\u001b[0m");
    expect(safeLine("\u001b[31mred", false)).toBe("red");
  });
});

describe("a thread", () => {
  const event = (action: string, metadata: Record<string, string>, message = "") => ({ action, message, at: 1000, metadata });

  it("it goes through the states of a step", () => {
    const thread: Thread = { steps: [] };
    advance(thread, event("step.start", { step: "build" }));
    expect(thread.steps[0]?.state).toBe("running");
    advance(thread, event("step.complete", { step: "build", durationMs: "1200" }));
    expect(drawStep(thread.steps[0]!, 8, 0, terminal)).toBe("● build       1.2 s");
  });

  it("it says why a step was skipped", () => {
    const thread: Thread = { steps: [] };
    advance(thread, event("step.skipped", { step: "snapshot", reason: "no database declared" }));
    expect(drawStep(thread.steps[0]!, 8, 0, terminal)).toBe("○ snapshot  skipped  no database declared");
  });

  it("it passes over events that are not of a step", () => {
    expect(advance({ steps: [] }, event("deploy.start", {}))).toBeUndefined();
  });
});

describe("words", () => {
  it("it says times, durations and sizes as a person does", () => {
    expect([ago(0, 240_000), ago(undefined, 0), ago(1000, 2000)]).toEqual(["4 min ago", "never", "just now"]);
    expect([duration(400), duration(72_000), duration(3_700_000)]).toEqual(["0.4 s", "1 m 12 s", "1 h 1 m"]);
    expect([bytes(10), bytes(1_200_000)]).toEqual(["10 B", "1.2 MB"]);
  });

  it("it lines columns up, numbers to the right, colours not counted", () => {
    expect(
      table(
        ["NAME", "COUNT#"],
        [
          ["a", "10"],
          ["\u001b[32mlonger\u001b[0m", "7"],
        ],
      ),
    ).toEqual(["NAME    COUNT", "a          10", "\u001b[32mlonger\u001b[0m      7"]);
  });
});
