import { describe, expect, it } from "vitest";
import { openLiveBlock } from "./live-block.ts";
import { createTerminal, fit, widthOf } from "./terminal.ts";

/** A screen of so many columns that obeys what a live block writes, and wraps as terminals do. */
function aScreen(columns: number, rows = 24) {
  let lines: string[] = [""];
  let at = 0;
  const put = (line: string): void => {
    lines[at] = line;
    at++;
    lines[at] ??= "";
  };
  const stdout = {
    isTTY: true,
    columns,
    rows,
    write(text: string) {
      let rest = text;
      while (rest !== "") {
        const control = /^\u001b\[(\??\d*)([A-Za-z])/.exec(rest);
        if (control) {
          if (control[2] === "A") at -= Number(control[1]);
          if (control[2] === "J") lines = lines.slice(0, at + 1).with(at, "");
          if (at < 0) throw new Error("The cursor left the screen.");
          rest = rest.slice(control[0].length);
        } else if (rest.startsWith("\r")) rest = rest.slice(1);
        else {
          const end = rest.search(/\u001b\[K\n/);
          const line = rest.slice(0, end);
          if (widthOf(line) > stdout.columns) throw new Error(`"${line}" wraps.`);
          put(line);
          rest = rest.slice(end + 4);
        }
      }
      return true;
    },
  };
  const terminal = createTerminal({ stdout: stdout as never, stderr: stdout as never }, { isPlain: true });
  return {
    terminal,
    shown: () => lines.slice(0, at),
    /** Terminals wrap what stands there when they get narrower. */
    narrow(to: number) {
      const wrapped = lines.slice(0, at).flatMap((line) => line.match(new RegExp(`.{1,${to}}`, "g")) ?? [""]);
      lines = [...wrapped, ""];
      at = wrapped.length;
      stdout.columns = to;
    },
  };
}

describe("a live block", () => {
  it("is drawn in place, with what is written above it staying", () => {
    const screen = aScreen(40);
    const block = openLiveBlock(screen.terminal);
    block.draw(["clone", "build"]);
    block.draw(["clone done", "build"]);
    block.above(["a line of the build"]);
    block.draw(["clone done", "build done", "test"]);
    block.close();
    expect(screen.shown()).toEqual(["a line of the build", "clone done", "build done", "test"]);
  });

  it("cuts what would wrap, and comes out right when the window gets narrower", () => {
    const screen = aScreen(30);
    const block = openLiveBlock(screen.terminal);
    block.draw(["a note that is much longer than thirty columns", "short"]);
    expect(screen.shown()).toEqual(["a note that is much longer t…", "short"]);
    screen.narrow(12);
    block.draw(["a note that is much longer than thirty columns", "short"]);
    block.close();
    expect(screen.shown()).toEqual(["a note tha…", "short"]);
  });

  it.each([
    ["end", ["three", "four", "five"]],
    ["start", ["one", "two", "three"]],
  ] as const)("shows the %s of a block that is higher than the window", (keeps, shown) => {
    const screen = aScreen(30, 4);
    const block = openLiveBlock(screen.terminal, { keeps });
    for (let round = 0; round < 3; round++) block.draw(["one", "two", "three", "four", "five"]);
    block.close();
    expect(screen.shown()).toEqual(shown);
  });
});

describe("fit", () => {
  it("counts columns, not characters, and ends colours", () => {
    expect(widthOf("\u001b[32m●\u001b[0m 世界")).toBe(6);
    expect(fit("世界世界", 5)).toBe("世界…");
    expect(fit("\u001b[32mrunning\u001b[0m", 4)).toBe("\u001b[32mrun…\u001b[0m");
    expect(fit("short", 5)).toBe("short");
  });
});
