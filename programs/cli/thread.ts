/**
 * An operation is a thread: a vertical line of steps. The model is fed by events and drawn either in place (a terminal)
 * or as plain lines as things happen (a pipe).
 */
import { openLiveBlock } from "./live-block.ts";
import { stepState, type StepStateName } from "./states.ts";
import { glyphs, plain, type Terminal } from "./terminal.ts";
import { duration } from "./words.ts";

export interface ThreadStep {
  readonly name: string;
  state: StepStateName;
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
      // The one that failed stays the one that failed, whatever was taken back of it.
      if (step.state === "failed") return undefined;
      step.note = "";
      step.state = "undone";
      break;
    default:
      return undefined;
  }
  return step;
}

export function drawStep(step: ThreadStep, width: number, now: number, terminal: Terminal): string {
  const text = `${knotOf(step, terminal)} ${step.name.padEnd(width)} ${timeOf(step, now).padStart(8)}`;
  if (!step.note || step.state === "done") return text.trimEnd();
  return `${text}  ${terminal.dim(step.note.split("\n")[0]!)}`;
}

function knotOf({ state }: ThreadStep, terminal: Terminal): string {
  const glyph = state === "pending" ? "○" : state === "undone" ? "↩" : glyphs[stepState(state)];
  return terminal.paint(stepState(state), glyph);
}

function timeOf(step: ThreadStep, now: number): string {
  if (step.state === "skipped" || step.state === "undone") return step.state;
  if (step.durationMs !== undefined) return duration(step.durationMs);
  const isGoing = step.state === "running" || step.state === "retrying";
  return isGoing && step.startedAt !== undefined ? duration(now - step.startedAt) : "";
}

export interface ThreadView {
  update(event: ThreadEvent): void;
  /** A line beside the steps: what a build prints. */
  line(text: string): void;
  close(): void;
}

/** Redraws in place on a terminal; prints each end of a step once elsewhere. */
export function openThreadView(terminal: Terminal, stepNames: readonly string[], clock: () => number = Date.now): ThreadView {
  const thread: Thread = {
    steps: stepNames.map((name) => ({ name, state: "pending", note: "", startedAt: undefined, durationMs: undefined })),
  };
  const drawOne = (step: ThreadStep): string =>
    drawStep(step, Math.max(8, ...thread.steps.map(({ name }) => name.length)), clock(), terminal);
  if (!terminal.isLive) {
    return {
      update: (event) => {
        const step = advance(thread, event);
        if (!step) return;
        // Without a terminal each step is one line, when it is over; what it says on the way is in the saga.
        if (event.action !== "step.progress" && step.state !== "running") terminal.line(drawOne(step));
      },
      line: (text) => terminal.line(text),
      close: () => {},
    };
  }
  const block = openLiveBlock(terminal);
  const draw = (): void => block.draw(thread.steps.map(drawOne));
  draw();
  const timer = setInterval(draw, 200);
  return {
    update: (event) => {
      if (advance(thread, event)) draw();
    },
    line: (text) => block.above([text]),
    close: () => {
      clearInterval(timer);
      draw();
      block.close();
    },
  };
}
