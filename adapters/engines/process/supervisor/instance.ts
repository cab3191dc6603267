/**
 * One supervised instance: started, read, kept up, stopped, or taken over from a supervisor that died. What it asks for
 * is written to its record before it is done; start, stop and restart of one instance happen one after another.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { openInstanceJournal, type InstanceJournal } from "../../journal/instance-journal.ts";
import type { Instance } from "../../workload.ts";
import { openPipes, ensurePipes, removePipes, type Pipes } from "./pipes.ts";
import { bootId, findStat, listStats, sendSignal, treeOf, type ProcessStat } from "./processes.ts";
import { removeRecord, saveRecord, type InstanceRecord } from "./record.ts";
import { describeExit, retireSoon } from "./ending.ts";
import { killUntilNone } from "./kill.ts";
import { instanceMark } from "./marks.ts";
import { spawnWrapper } from "./spawn-wrapper.ts";
import { shownStates, type Surroundings } from "./surroundings.ts";
import { fromShellCode } from "./wrapper.ts";

const firstBackOffMs = 1_000;
const longestBackOffMs = 30_000;
const stableMs = 60_000;
/** How long output is awaited after the end of all holders that we know of. */
const lastOutputMs = 1_000;

export class Supervised {
  readonly record: InstanceRecord;
  readonly #around: Surroundings;
  #journal: InstanceJournal | null = null;
  #pipes: Pipes | null = null;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retrySave: NodeJS.Timeout | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | null = null;
  /** Resolves when the process of the present start has ended and its output is in the journal. */
  #ended = Promise.withResolvers<void>();
  #startedAt = performance.now();
  #isRestarting = false;
  /** While it is being stopped: until when what is left may finish, by `performance.now()`. */
  #drainsUntil = 0;
  #isReleased = false;

  constructor(record: InstanceRecord, around: Surroundings) {
    this.record = record;
    this.#around = around;
  }

  toInstance(): Instance {
    const { id, workspace, app, release, process, index, phase, startedAt, restarts, exit, port, pid } = this.record;
    return {
      id,
      workspace,
      app,
      release,
      process,
      index,
      startedAt,
      restarts,
      node: this.#around.node,
      state: shownStates[phase],
      ...(port === undefined ? {} : { address: { host: "127.0.0.1", port } }),
      ...(exit && phase !== "ending" ? { exit } : {}),
      handle: pid === undefined ? "not started" : `pid ${pid}`,
    };
  }

  /** Its living processes, the wrapper and the sandbox's own included. */
  tree(stats: readonly ProcessStat[] = listStats(), isThorough = false): ProcessStat[] {
    const { pid, startTime, phase } = this.record;
    const mark = { name: instanceMark, value: this.record.id };
    const isOurs =
      pid !== undefined &&
      (phase === "running" || phase === "stopping" || phase === "ending") &&
      stats.some((stat) => stat.pid === pid && stat.startTime === startTime);
    return treeOf(isOurs ? pid : 0, stats, isThorough ? mark : undefined);
  }

  start(): Promise<void> {
    return this.#inTurn(() => this.#spawn());
  }

  /** From now on (or no more) started again when it ends by itself. */
  keepUp(isKeptUp: boolean): void {
    if (this.record.keepUp !== isKeptUp) {
      this.record.keepUp = isKeptUp;
      this.#save();
    }
    if (isKeptUp && this.record.phase === "exited" && !this.#timer) this.#startLater(0);
    if (!isKeptUp) this.#clearTimer();
  }

  /** Drain signal, then kill, then nothing of it is left but volumes and journal. Asked twice means once. */
  stop(): Promise<void> {
    this.#clearTimer();
    this.#stopped ??= this.#inTurn(() => this.#remove());
    return this.#stopped;
  }

  restart(): Promise<void> {
    this.#clearTimer();
    return this.#inTurn(async () => {
      if (this.#stopped) return;
      this.#isRestarting = true;
      try {
        await this.#endProcess();
        this.record.failures = 0;
        await this.#spawn();
      } finally {
        this.#isRestarting = false;
      }
    });
  }

  /** Hard, with a reason that becomes the exit's: the wrapper stays to tell the code. */
  kill(reason: string): void {
    this.record.killReason = reason;
    this.#save();
    for (const { pid } of this.#members(listStats(), true)) sendSignal(pid, "SIGKILL");
  }

  /** Takes up what a predecessor left, from whichever line it died at. */
  async adopt(wasClean: boolean): Promise<void> {
    const { record } = this;
    const mark = { name: instanceMark, value: record.id };
    if (record.phase === "starting" && record.pid === undefined) {
      // Died around the spawn. The wrapper leads a session of its own and carries the mark.
      const found = treeOf(0, listStats(), mark).find(({ pid, session }) => pid === session);
      if (found) this.#recordStart(found.pid);
      else {
        void this.start();
        return;
      }
    }
    const isStopping = record.phase === "stopping";
    if (record.phase === "exited") {
      this.#openJournal();
      if (record.keepUp) this.#startLater(firstBackOffMs);
      return;
    }
    const stat = record.pid === undefined ? null : findStat(record.pid);
    const isAlive = stat !== null && !stat.isDead && stat.startTime === record.startTime && record.boot === bootId();
    const journal = this.#openJournal();
    if (isAlive) {
      if (!wasClean) {
        journal.gap({ reason: "the supervisor was killed: up to 64 KB of what was printed then may be missing" }, Date.now());
      }
      await ensurePipes(this.#around.pipes, record.id, record.group.launch.uid);
      const pipes = openPipes(this.#around.pipes, record.id, false);
      this.#attach(pipes);
      pipes.say("again");
    } else {
      const reason = record.boot === bootId() ? "ended while nobody watched" : "the machine was restarted";
      await this.#hasEnded(null, reason);
    }
    if (isStopping) void this.stop();
  }

  /** Lets go without touching the process: its pipes keep what it prints for the next supervisor. */
  release(): void {
    this.#isReleased = true;
    this.#clearTimer();
    clearTimeout(this.#retrySave);
    this.#pipes?.close();
    this.#journal?.close();
  }

  async #spawn(): Promise<void> {
    const { record } = this;
    if (this.#stopped || this.#isReleased || record.phase === "running") return;
    this.#clearTimer();
    record.phase = "starting";
    record.startedAt = Math.max(Date.now(), record.startedAt + 1);
    delete record.pid;
    delete record.exit;
    delete record.killReason;
    this.#ended = Promise.withResolvers();
    this.#drainsUntil = 0;
    this.#startedAt = performance.now();
    this.#save();
    let pipes: Pipes | null = null;
    try {
      this.#openJournal();
      if (record.group.hasPort) await this.#around.reservePort(record);
      await ensurePipes(this.#around.pipes, record.id, record.group.launch.uid);
      this.#save();
      pipes = openPipes(this.#around.pipes, record.id, true);
      this.#child = await spawnWrapper(record, pipes, this.#around);
      for (const fd of pipes.childEnds) closeSync(fd);
      this.#recordStart(this.#child.pid!);
      this.#attach(pipes);
    } catch (error) {
      if (pipes) for (const fd of pipes.childEnds) closeSync(fd);
      pipes?.close();
      const reason = `could not be started: ${error instanceof Error ? error.message : String(error)}`;
      record.exit = { code: null, signal: null, at: Date.now(), reason };
      this.#journal?.system(reason, Date.now());
      this.#settle();
    }
    this.#around.onChange();
  }

  #recordStart(pid: number): void {
    const { record } = this;
    record.pid = pid;
    record.startTime = findStat(pid)?.startTime ?? "";
    record.boot = bootId();
    record.phase = "running";
    this.#save();
  }

  #attach(pipes: Pipes): void {
    const journal = this.#openJournal();
    this.#pipes = pipes;
    let hasEnded = false;
    pipes.read({
      output: (stream, chunk) => journal.write(stream, chunk, Date.now()),
      word: (line) => {
        const code = /^exit (\d{1,3})$/.exec(line);
        if (!code) return;
        if (hasEnded) return pipes.say("ok");
        hasEnded = true;
        void this.#hasEnded(Number(code[1]), undefined);
      },
      wrapperGone: () => {
        if (hasEnded) return;
        hasEnded = true;
        void this.#hasEnded(null, "was killed together with what watched it");
      },
    });
  }

  /** The process has ended: end what it left, read its last words, then let the exit be seen. */
  async #hasEnded(shellCode: number | null, reason: string | undefined): Promise<void> {
    const { record } = this;
    const why = record.killReason ?? reason;
    const how = shellCode === null ? { code: null, signal: null } : fromShellCode(shellCode);
    // A predecessor that died in this very method has recorded the exit already.
    const isKnown = shellCode === null && record.phase === "ending" && record.exit !== undefined;
    if (!isKnown) record.exit = { ...how, at: Date.now(), ...(why === undefined ? {} : { reason: why }) };
    if (record.phase !== "stopping") record.phase = "ending";
    this.#save();
    this.#pipes?.say("ok");
    await this.#othersFinish();
    await this.#killAll(false);
    const pipes = this.#pipes;
    if (pipes) {
      await Promise.race([pipes.outputEnded, after(lastOutputMs)]);
      pipes.close();
    }
    if (this.#isReleased) return;
    this.#pipes = null;
    const journal = this.#openJournal();
    journal.endLines(Date.now());
    journal.system(describeExit(record), Date.now());
    this.#settle();
  }

  /** After an end (or a start that failed): stays exited, or starts again. */
  #settle(): void {
    const { record } = this;
    delete record.killReason;
    if (record.phase !== "stopping") record.phase = "exited";
    this.#save();
    this.#ended.resolve();
    this.#around.onChange();
    if (record.phase === "stopping" || this.#isRestarting || this.#stopped || !record.keepUp) return;
    if (performance.now() - this.#startedAt >= stableMs) record.failures = 0;
    this.#startLater(Math.min(firstBackOffMs * 2 ** record.failures, longestBackOffMs));
  }

  #startLater(delayMs: number): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#inTurn(async () => {
        if (!this.record.keepUp || this.record.phase !== "exited") return;
        this.record.restarts++;
        this.record.failures++;
        await this.#spawn();
      });
    }, delayMs);
  }

  async #remove(): Promise<void> {
    const { record } = this;
    const wasRunning = record.phase === "running" || record.phase === "starting" || record.phase === "ending";
    if (record.phase !== "stopping") {
      record.phase = "stopping";
      this.#save();
      this.#around.onChange();
    }
    await this.#endProcess();
    await this.#killAll(true);
    if (wasRunning) this.#journal?.system("stopped", Date.now());
    this.#journal?.close();
    retireSoon(this.#around.home, record);
    removePipes(this.#around.pipes, record.id);
    removeRecord(this.#around.records, record.id);
    clearTimeout(this.#retrySave);
    this.#isReleased = true;
    this.#around.onGone(record);
    this.#around.onChange();
  }

  /** Drain signal, patience, kill. Afterwards the process has ended and its output is in the journal. */
  async #endProcess(): Promise<void> {
    if (!this.#pipes) return;
    const { drain } = this.record.group;
    const deadline = performance.now() + drain.timeoutMs;
    this.#drainsUntil = deadline;
    // Just started, there may be nothing but the sandbox yet: whoever comes out of it is told then.
    while (!this.#signalAll(drain.signal as NodeJS.Signals) && performance.now() < deadline) {
      // The contract's list.
      if (await this.#endsWithin(20)) return;
    }
    if (await this.#endsWithin(deadline - performance.now())) return;
    this.#drainsUntil = 0;
    await this.#killAll(false);
    if (await this.#endsWithin(2_000)) return;
    await this.#killAll(true);
    await this.#endsWithin(5_000);
  }

  /**
   * The shell of `a; b` ends at the drain signal at once, with the program it waited for still finishing: while there is
   * time to drain, that is not yet the end.
   */
  async #othersFinish(): Promise<void> {
    while (performance.now() < this.#drainsUntil && this.#members(listStats(), true).length > 0) await after(20);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const timer = Promise.withResolvers<boolean>();
    const handle = setTimeout(() => timer.resolve(false), Math.max(0, ms));
    const hasEnded = await Promise.race([this.#ended.promise.then(() => true), timer.promise]);
    clearTimeout(handle);
    return hasEnded;
  }

  /** True when anybody heard it. */
  #signalAll(signal: NodeJS.Signals): boolean {
    return this.#members(listStats(), true).filter(({ pid }) => sendSignal(pid, signal)).length > 0;
  }

  /** The app's processes: without the wrapper, which tells the exit, and the sandbox, whose end would be a kill. */
  #members(stats: readonly ProcessStat[], isThorough: boolean): ProcessStat[] {
    return this.tree(stats, isThorough).filter(({ pid, command }) => pid !== this.record.pid && command !== "bwrap");
  }

  async #killAll(withWrapper: boolean): Promise<void> {
    const victims = withWrapper
      ? () => this.tree(listStats(), true)
      : () => this.tree(listStats(), true).filter(({ pid }) => pid !== this.record.pid);
    await killUntilNone(victims);
  }

  #openJournal(): InstanceJournal {
    const { id, workspace, app, release, process, index, startedAt } = this.record;
    this.#journal ??= openInstanceJournal(this.#around.home, { instance: id, workspace, app, release, process, index, startedAt });
    return this.#journal;
  }

  /**
   * A full disk must not stop supervision: what is in memory goes on being true, and is written as soon as it can be. A
   * successor that finds the older record asks the processes themselves.
   */
  #save(): void {
    if (this.#isReleased) return;
    try {
      saveRecord(this.#around.records, this.record);
    } catch (error) {
      if (!this.#retrySave) console.error(new Date().toISOString(), `${this.record.id} cannot be recorded, trying again:`, error);
      clearTimeout(this.#retrySave);
      this.#retrySave = setTimeout(() => this.#save(), 1_000);
    }
  }

  #clearTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(run);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
