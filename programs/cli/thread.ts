/**
 * An operation is a thread: a vertical line of steps. The model is fed by events and drawn either in place (a terminal)
 * or as plain lines as things happen (a pipe).
 */
import { glyphs, plain, type State, type Terminal } from "./terminal.ts";
import { duration } from "./words.ts";

export interface ThreadStep {
  readonly name: string;
  state: "pending" | "running" | "retrying" | "done" | "skipped" | "failed" | "undone";
  note: string;
  startedAt: number | undefined;
  durationMs: number | undefined;
}

/** What the thread needs of an event of the log. */
export interface ThreadEvent {
  readonly action: string;
  readonly message: string;
  readonly at: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Thread {
  readonly steps: ThreadStep[];
}

/** Puts one event into the thread; says which step changed. */
export function advance(thread: Thread, event: ThreadEvent): ThreadStep | undefined {
  const name = event.metadata["step"];
  if (!name || !event.action.startsWith("step.")) return undefined;
  let step = thread.steps.find((candidate) => candidate.name === name);
  if (!step) {
    step = { name, state: "pending", note: "", startedAt: undefined, durationMs: undefined };
    thread.steps.push(step);
  }
  const took = Number(event.metadata["durationMs"]);
  switch (event.action) {
    case "step.start":
      step.state = "running";
      step.startedAt = event.at;
      step.note = Number(event.metadata["attempt"] ?? 1) > 1 ? `try ${event.metadata["attempt"]}` : "";
      break;
    case "step.progress":
      step.note = plain(event.message);
      break;
    case "step.complete":
      step.state = "done";
      step.durationMs = Number.isFinite(took) ? took : undefined;
      break;
    case "step.skipped":
      step.state = "skipped";
      step.note = plain(event.metadata["reason"] ?? event.message);
      break;
    case "step.retry":
      step.state = "retrying";
      step.note = plain(event.message);
      break;
    case "step.failed":
      step.state = "failed";
      step.durationMs = Number.isFinite(took) ? took : undefined;
      step.note = "";
      break;
    case "step.undone":
      step.note = "";
      step.state = "undone";
      break;
    default:
      return undefined;
  }
  return step;
}

const stateOf: Readonly<Record<ThreadStep["state"], State>> = {
  pending: "unknown",
  running: "working",
  retrying: "attention",
  done: "ok",
  skipped: "stopped",
  failed: "failed",
  undone: "attention",
};

export function drawStep(step: ThreadStep, width: number, now: number, terminal: Terminal): string {
  const state = stateOf[step.state];
  const glyph = terminal.paint(state, step.state === "pending" ? "○" : step.state === "undone" ? "↩" : glyphs[state]);
  const time =
    step.durationMs ??
    (step.startedAt !== undefined && (step.state === "running" || step.state === "retrying") ? now - step.startedAt : undefined);
  const shownTime = step.state === "skipped" ? "skipped" : step.state === "undone" ? "undone" : time === undefined ? "" : duration(time);
  const text = `${glyph} ${step.name.padEnd(width)} ${shownTime.padStart(8)}`;
  if (!step.note || step.state === "done") return text.trimEnd();
  const space = Math.max(20, terminal.columns - width - 14);
  const note = step.note.split("\n")[0]!;
  return `${text}  ${terminal.dim(note.length > space && terminal.isLive ? `${note.slice(0, space - 1)}…` : note)}`;
}

export interface ThreadView {
  update(event: ThreadEvent): void;
  close(): void;
}

/** Redraws in place on a terminal; prints each end of a step once elsewhere. */
export function openThreadView(terminal: Terminal, stepNames: readonly string[], clock: () => number = Date.now): ThreadView {
  const thread: Thread = {
    steps: stepNames.map((name) => ({ name, state: "pending", note: "", startedAt: undefined, durationMs: undefined })),
  };
  const widthOf = (): number => Math.max(8, ...thread.steps.map((step) => step.name.length));
  if (!terminal.isLive) {
    return {
      update: (event) => {
        const step = advance(thread, event);
        if (!step) return;
        // Without a terminal each step is one line, when it is over; what it says on the way is in the saga.
        if (event.action !== "step.progress" && step.state !== "running") terminal.line(drawStep(step, widthOf(), clock(), terminal));
      },
      close: () => {},
    };
  }
  let drawn = 0;
  const draw = (): void => {
    const lines = thread.steps.map((step) => drawStep(step, widthOf(), clock(), terminal));
    terminal.write(`${drawn > 0 ? `\u001b[${drawn}A` : ""}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
    drawn = lines.length;
  };
  terminal.write("\u001b[?25l");
  draw();
  const timer = setInterval(draw, 200);
  return {
    update: (event) => {
      if (advance(thread, event)) draw();
    },
    close: () => {
      clearInterval(timer);
      draw();
      terminal.write("\u001b[?25h");
    },
  };
}
