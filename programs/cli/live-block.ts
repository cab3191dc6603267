/**
 * Lines at the end of the screen that are drawn again in place. A line never wraps (it is cut at the width), so going up
 * as many lines as were drawn comes out where the block began; after the window was made narrower the terminal has
 * wrapped what stands there, and the way up is counted anew.
 */
import { fit, widthOf, type Terminal } from "./terminal.ts";

export interface LiveBlock {
  draw(lines: readonly string[]): void;
  /** Writes lines above the block, where they stay. */
  above(lines: readonly string[]): void;
  /** Leaves what was drawn and gives the cursor back. */
  close(): void;
}

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

/** `keeps`: what is shown of a block that is higher than the window. What has scrolled off the top cannot be drawn again. */
export function openLiveBlock(terminal: Terminal, { keeps = "end" }: { keeps?: "start" | "end" } = {}): LiveBlock {
  let drawn: readonly string[] = [];
  const restore = (): void => terminal.write(showCursor);
  // An end in the middle (a second Ctrl-C) must not leave the shell without a cursor.
  process.once("exit", restore);
  terminal.write(hideCursor);

  const up = (): string => {
    const height = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / terminal.columns)), 0);
    return height === 0 ? "\r" : `\u001b[${height}A\r`;
  };
  const render = (lines: readonly string[], kept: readonly string[] = []): void => {
    const most = Math.max(1, terminal.rows - 1);
    const shown = (keeps === "end" ? lines.slice(-most) : lines.slice(0, most)).map((line) => fit(line, terminal.columns - 1));
    // Without a terminal's "erase all first" there is no flicker: each line ends by erasing what was behind it.
    terminal.write(`${up()}${[...kept, ...shown].map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
    drawn = shown;
  };
  return {
    draw: (lines) => render(lines),
    above: (lines) => render(drawn, lines),
    close: () => {
      process.off("exit", restore);
      restore();
    },
  };
}
