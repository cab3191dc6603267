import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { newId, type AppName, type InstanceId, type ProcessName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LogGap, LogLine, LogQuery } from "../port.ts";
import { instanceLogDirectory, openInstanceJournal, openStepOutput, pruneLogs, readLogs, readStepOutput } from "./index.ts";
import type { JournalMeta } from "./meta.ts";
import { JournalReader } from "./reader.ts";
import { openJournal } from "./writer.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "norns-journal-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const app = "shop" as AppName;
const workspace = newId("WorkspaceId") as WorkspaceId;
const aMeta = (change: Partial<JournalMeta> = {}): JournalMeta => ({
  instance: newId("InstanceId") as InstanceId,
  workspace,
  app,
  release: newId("ReleaseId") as ReleaseId,
  process: "web" as ProcessName,
  index: 0,
  startedAt: 1,
  ...change,
});
const signal = new AbortController().signal;

async function collect(query: Partial<LogQuery> = {}): Promise<(LogLine | LogGap)[]> {
  const entries: (LogLine | LogGap)[] = [];
  for await (const entry of readLogs(home, { workspace, app, follow: false, signal, ...query })) entries.push(entry);
  return entries;
}
const texts = async (query: Partial<LogQuery> = {}) =>
  (await collect(query)).map((entry) => ("text" in entry ? entry.text : `gap: ${entry.gap.reason}`));

describe("a journal", () => {
  it("gives back every line with its time and stream", async () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta);
    journal.write("stdout", Buffer.from("one\ntwo\n"), 10);
    journal.write("stderr", Buffer.from("three\n"), 20);
    journal.system("stopped", 30);
    journal.close();
    const { instance, process } = meta;
    expect(await collect()).toMatchObject([
      { at: 10, stream: "stdout", text: "one", instance, process },
      { at: 10, stream: "stdout", text: "two" },
      { at: 20, stream: "stderr", text: "three" },
      { at: 30, stream: "system", text: "stopped" },
    ]);
  });

  it("joins lines that arrive in pieces, streams apart, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ err: fc.boolean(), text: fc.string({ maxLength: 30, unit: "grapheme" }) }), { maxLength: 30 }),
        fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        async (lines, cuts, isReopened) => {
          const directory = mkdtempSync(join(home, "any-"));
          let journal = openJournal({ directory, segmentBytes: 400, keepTail: 1000 });
          const wanted = lines.map(({ text, err }) => ({ text: text.replaceAll("\n", " "), err }));
          const bytes = {
            stdout: Buffer.from(
              wanted
                .filter(({ err }) => !err)
                .map(({ text }) => `${text}\n`)
                .join(""),
            ),
            stderr: Buffer.from(
              wanted
                .filter(({ err }) => err)
                .map(({ text }) => `${text}\n`)
                .join(""),
            ),
          };
          const places = { stdout: 0, stderr: 0 };
          let turn = 0;
          while (places.stdout < bytes.stdout.length || places.stderr < bytes.stderr.length) {
            const stream = turn % 2 === 0 ? "stdout" : "stderr";
            const size = 1 + cuts[turn % cuts.length]!;
            journal.write(stream, bytes[stream].subarray(places[stream], places[stream] + size), turn);
            places[stream] += size;
            turn++;
            if (isReopened && turn % 7 === 0) {
              journal.close();
              journal = openJournal({ directory, segmentBytes: 400, keepTail: 1000 });
            }
          }
          journal.close();
          const reader = new JournalReader(directory, { kind: "start" });
          const seen: { stdout: string[]; stderr: string[] } = { stdout: [], stderr: [] };
          for (let entries = await reader.next(); entries.length > 0; entries = await reader.next()) {
            for (const entry of entries) if ("text" in entry && entry.stream !== "system") seen[entry.stream].push(entry.text);
          }
          await reader.close();
          const linesOf = (buffer: Buffer) => buffer.toString().split("\n").slice(0, -1);
          expect(seen).toEqual({ stdout: linesOf(bytes.stdout), stderr: linesOf(bytes.stderr) });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps bytes that are no text and cuts a line that has no end", async () => {
    const journal = openInstanceJournal(home, aMeta());
    journal.write("stdout", Buffer.from([0xff, 0x00, 0x1b, 0x0a]), 1);
    journal.write("stdout", Buffer.alloc(100_000, "ä"), 2);
    journal.write("stdout", Buffer.from("\nend\n"), 3);
    journal.close();
    const lines = await texts();
    expect(lines[0]).toBe("\uFFFD\u0000\u001b");
    expect(lines.at(-1)).toBe("end");
    expect(lines.slice(1, -1).join("")).toBe("ä".repeat(50_000));
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(32 * 1024);
  });

  it("gives the last n lines merged by time over instances", async () => {
    const one = openInstanceJournal(home, aMeta());
    const two = openInstanceJournal(home, aMeta());
    for (let at = 1; at <= 1000; at++) (at % 2 === 0 ? one : two).write("stdout", Buffer.from(`line ${at}\n`), at);
    one.close();
    two.close();
    expect(await texts({ tail: 5 })).toEqual(["line 996", "line 997", "line 998", "line 999", "line 1000"]);
    expect(await texts({ tail: 0 })).toEqual([]);
    expect(await texts()).toEqual(Array.from({ length: 1000 }, (_, index) => `line ${index + 1}`));
  });

  it("gives the last lines whole when they were printed in pieces", async () => {
    const journal = openInstanceJournal(home, aMeta());
    journal.write("stdout", Buffer.from("old\nst"), 1);
    journal.write("stderr", Buffer.from("err 1\ner"), 2);
    journal.write("stdout", Buffer.from("art"), 3);
    journal.write("stderr", Buffer.from("r 2\n"), 4);
    journal.write("stdout", Buffer.from(" end\n"), 5);
    journal.close();
    expect(await texts({ tail: 1 })).toEqual(["start end"]);
    expect(await texts({ tail: 2 })).toEqual(["err 2", "start end"]);
    const [, errOne] = await collect();
    expect(await texts({ cursors: [(errOne as LogLine).cursor] })).toEqual(["err 2", "start end"]);
  });

  it("gives only lines since a time, and only of the instance, process, release and workspace asked for", async () => {
    const meta = aMeta();
    const one = openInstanceJournal(home, meta, { segmentBytes: 500 });
    const two = openInstanceJournal(home, aMeta({ process: "jobs" as ProcessName }));
    const foreign = openInstanceJournal(home, aMeta({ workspace: newId("WorkspaceId") as WorkspaceId }));
    for (let at = 1; at <= 50; at++) one.write("stdout", Buffer.from(`one ${at}\n`), at);
    two.write("stdout", Buffer.from("two\n"), 60);
    foreign.write("stdout", Buffer.from("foreign\n"), 70);
    for (const journal of [one, two, foreign]) journal.close();
    expect(await texts({ since: 49 })).toEqual(["one 49", "one 50", "two"]);
    expect(await texts({ process: "jobs" as ProcessName })).toEqual(["two"]);
    expect(await texts({ release: meta.release, tail: 1 })).toEqual(["one 50"]);
    expect(await texts({ instance: meta.instance, since: 50 })).toEqual(["one 50"]);
  });

  it("declares what was rotated away, with its size", async () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta, { segmentBytes: 1000, keepTail: 2 });
    const first: (LogLine | LogGap)[] = [];
    for (let at = 0; at < 20; at++) journal.write("stdout", Buffer.from(`line ${at}\n`), at);
    first.push(...(await collect()));
    for (let at = 20; at < 500; at++) journal.write("stdout", Buffer.from(`line ${at}\n`), at);
    journal.close();
    const resumed = await collect({ cursors: [(first[5] as LogLine).cursor] });
    expect(resumed[0]).toMatchObject({ gap: { instance: meta.instance, reason: "older lines are not kept any more" } });
    expect((resumed.at(-1) as LogLine).text).toBe("line 499");
    const [gap, ...rest] = await collect();
    const lost = 500 - rest.length;
    // The frames of records and segments are counted too.
    const bytes = sizeOfLines(0, lost);
    expect((gap as LogGap).gap.bytes).toBeGreaterThanOrEqual(bytes);
    expect((gap as LogGap).gap.bytes).toBeLessThan(bytes * 1.05);
    expect(readdirSync(instanceLogDirectory(home, app, meta.instance)).filter((name) => name.endsWith(".log")).length).toBeLessThanOrEqual(
      3,
    );
  });

  it("goes on behind a torn record, and says so", async () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta);
    journal.write("stdout", Buffer.from("whole\nhalf a li"), 1);
    journal.close();
    appendFileSync(join(instanceLogDirectory(home, app, meta.instance), "0001.log"), Buffer.from([9, 0, 0, 0, 1, 2]));
    expect(await texts()).toEqual(["whole"]);
    const again = openInstanceJournal(home, meta);
    again.write("stdout", Buffer.from("next\n"), 2);
    again.close();
    expect(await texts()).toEqual(["whole", "half a li", "gap: the writer ended in the middle of a line", "next"]);
  });

  it("counts what a full disk refuses and declares it as soon as it can write again", async () => {
    const directory = join(home, "full");
    let isFull = false;
    const journal = openJournal({
      directory,
      writeBytes: (fd, bytes) => {
        if (!isFull) return writeSync(fd, bytes);
        writeSync(fd, bytes.subarray(0, 3)); // As a disk does that fills within a write.
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      },
    });
    journal.write("stdout", Buffer.from("before\n"), 1);
    isFull = true;
    for (let count = 0; count < 100; count++) journal.write("stdout", Buffer.from("lost line\n"), 2);
    isFull = false;
    journal.write("stdout", Buffer.from("after\n"), 3);
    journal.close();
    const reader = new JournalReader(directory, { kind: "start" });
    expect(await reader.next()).toMatchObject([
      { text: "before" },
      { gap: { bytes: 1000, reason: "the disk was full" } },
      { text: "after" },
    ]);
    await reader.close();
  });

  it("[I6] takes no cursor or name as part of a path, and survives one that points anywhere", async () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta);
    journal.write("stdout", Buffer.from("one\ntwo\nthree\n"), 1);
    journal.close();
    for (const cursor of ["../../etc/passwd:1:0", "a:b:c", "", "x:1", "..:1:1", "a\0:1:1", "a:1:99999999999999999"]) {
      await expect(collect({ cursors: [cursor] })).rejects.toMatchObject({ kind: "invalid", code: "log_cursor_invalid" });
    }
    await expect(collect({ app: "../shop" as AppName })).rejects.toMatchObject({ kind: "invalid" });
    for (const place of ["1:0", "1:17", "1:20", "0:0", "1:35"]) {
      const lines = await texts({ cursors: [`${meta.instance}:${place}`] });
      expect(["one", "two", "three"].slice(-lines.length)).toEqual(lines);
    }
    expect(await texts({ cursors: [`${meta.instance}:1:99999`] })).toEqual([]);
    expect(await texts({ cursors: [`${meta.instance}:77:16`] })).toEqual([]);
  });

  it("[N5] is readable by its owner alone", () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta);
    journal.write("stdout", Buffer.from("a line\n"), 1);
    journal.close();
    const directory = instanceLogDirectory(home, app, meta.instance);
    expect(statSync(directory).mode & 0o077).toBe(0);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  });

  it("survives 20 disconnects over a burst of 200,000 lines: every line, or a declared gap", async () => {
    const meta = aMeta();
    const journal = openInstanceJournal(home, meta, { segmentBytes: 1024 * 1024, keepTail: 4 });
    let written = 0;
    const write = async () => {
      while (written < 200_000) {
        let chunk = "";
        for (let count = 0; count < 500; count++) chunk += `line ${++written}\n`;
        // Cut anywhere, as a pipe does.
        const bytes = Buffer.from(chunk);
        const cut = written % bytes.length;
        journal.write("stdout", bytes.subarray(0, cut), written);
        journal.write("stdout", bytes.subarray(cut), written);
        await new Promise((resolve) => setImmediate(resolve));
      }
      journal.close();
    };
    const writing = write();
    let last = 0;
    let gaps = 0;
    let lines = 0;
    let connections = 0;
    let cursors: string[] = [];
    while (last < 200_000) {
      const disconnect = new AbortController();
      connections++;
      const leaveAt = connections <= 20 ? lines + 9_000 : Number.POSITIVE_INFINITY;
      for await (const entry of readLogs(home, { workspace, app, follow: true, cursors, signal: disconnect.signal })) {
        cursors = [entry.cursor];
        if ("gap" in entry) {
          gaps++;
          last = -1;
          continue;
        }
        const number = Number(/^line (\d+)$/.exec(entry.text)?.[1]);
        if (last !== -1) expect(number).toBe(last + 1);
        last = number;
        lines++;
        if (lines >= leaveAt || last === 200_000) disconnect.abort();
      }
      if (connections > 1000) throw new Error("never came to the end");
    }
    await writing;
    expect(connections).toBeGreaterThan(20);
    expect(gaps === 0 ? lines : 200_000).toBe(200_000);
  });

  it("follows new instances, and ends when told to", async () => {
    const end = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const entry of readLogs(home, { workspace, app, follow: true, signal: end.signal })) {
        if ("text" in entry) seen.push(entry.text);
        if (seen.length === 2) end.abort();
      }
    })();
    const one = openInstanceJournal(home, aMeta());
    one.write("stdout", Buffer.from("from one\n"), 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const two = openInstanceJournal(home, aMeta());
    two.write("stdout", Buffer.from("from two\n"), 2);
    await following;
    expect(seen).toEqual(["from one", "from two"]);
    one.close();
    two.close();
  });

  it("keeps journals for 7 days after the end, and what lives for ever", async () => {
    const now = 100 * 24 * 60 * 60 * 1000;
    const day = 24 * 60 * 60 * 1000;
    const [old, recent, live] = [aMeta(), aMeta(), aMeta()];
    for (const meta of [old, recent, live]) openInstanceJournal(home, meta).close();
    const end = (meta: JournalMeta, at: number) => {
      const journal = openInstanceJournal(home, meta);
      journal.close();
      journal.retire(at);
    };
    end(old, now - 8 * day);
    end(recent, now - 6 * day);
    const step = openStepOutput({ home, app, operation: "op_1", step: "build", now: () => now - 8 * day });
    step.close();
    writeFileSync(join(home, "logs", "stray"), "not a directory");
    expect(await pruneLogs({ home, now })).toBe(2);
    expect(readdirSync(join(home, "logs", app)).sort()).toEqual([live.instance, recent.instance, "operations"].sort());
    expect(await pruneLogs({ home, now })).toBe(0);
  });
});

describe("the output of a step", () => {
  const at = { app, operation: "op_1", step: "build" };

  it("is followed from before its beginning to its end", async () => {
    const seen: string[] = [];
    const following = (async () => {
      for await (const entry of readStepOutput({ home, ...at, follow: true, signal }))
        if ("text" in entry) seen.push(`${entry.stream} ${entry.text}`);
    })();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const output = openStepOutput({ home, ...at, now: Date.now });
    output.sink("stdout", Buffer.from("compiling\nwithout an end"));
    output.sink("stderr", Buffer.from("a warning\n"));
    output.close();
    await following;
    expect(seen).toEqual(["stdout compiling", "stderr a warning", "stdout without an end"]);
  });

  it("keeps its head and its tail when it floods, and says how much is missing", async () => {
    const output = openStepOutput({ home, ...at, now: Date.now });
    for (let count = 0; count < 200_000; count++) output.sink("stdout", Buffer.from(`${count} ${"x".repeat(90)}\n`));
    output.close();
    const entries = [];
    for await (const entry of readStepOutput({ home, ...at, follow: false, signal })) entries.push(entry);
    const gaps = entries.filter((entry) => "gap" in entry);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]!.gap.bytes).toBeGreaterThan(10_000_000);
    expect((entries[0] as { text: string }).text).toMatch(/^0 x/);
    expect((entries.at(-1) as { text: string }).text).toMatch(/^199999 x/);
    const directory = join(home, "logs", app, "operations", "op_1", "build");
    const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    expect(bytes).toBeLessThan(5 * 1024 * 1024);
  });

  it("[I7] takes no step or operation name into a path", () => {
    expect(() => openStepOutput({ home, app, operation: "../x", step: "build", now: Date.now })).toThrow(/no log of that name/);
    expect(() => openStepOutput({ home, app, operation: "op_1", step: "a/b", now: Date.now })).toThrow(/no log of that name/);
  });
});

const sizeOfLines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => 16 + `line ${from + index}`.length).reduce((sum, size) => sum + size, 0);
