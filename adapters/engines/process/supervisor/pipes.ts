/**
 * The four FIFOs of an instance: `out` and `err` carry its output, `up` the wrapper's word that the process has ended,
 * `down` our answer. The child side holds each open for reading AND writing: so a pipe and what is in it outlive the
 * supervisor, and an app that writes while nobody reads waits instead of dying of SIGPIPE. We open our ends for reading
 * alone, so the end of the last holder reaches us as the end of the stream.
 */
import { execFile } from "node:child_process";
import { chownSync, closeSync, constants, existsSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

const pipeNames = ["out", "err", "up", "down"] as const;
type PipeName = (typeof pipeNames)[number];

const pathOf = (directory: string, id: string, name: PipeName) => join(directory, `${id}.${name}`);

/** Makes what is missing. The app's own user owns them, so that it may open /dev/stdout again. */
export async function ensurePipes(directory: string, id: string, uid: number | undefined): Promise<void> {
  const missing = pipeNames.map((name) => pathOf(directory, id, name)).filter((path) => !existsSync(path));
  if (missing.length > 0) {
    await new Promise<void>((resolve, reject) => {
      execFile("mkfifo", ["-m", "600", ...missing], (error) => (error ? reject(error) : resolve()));
    });
  }
  if (uid !== undefined) for (const path of missing) chownSync(path, uid, uid);
}

export function removePipes(directory: string, id: string): void {
  for (const name of pipeNames) rmSync(pathOf(directory, id, name), { force: true });
}

/** Instance ids that have pipes here. */
export function listPipes(directory: string): Set<string> {
  return new Set(readdirSync(directory).flatMap((name) => /^(ins_[0-9a-z]+)\.(?:out|err|up|down)$/.exec(name)?.[1] ?? []));
}

export interface Pipes {
  /** For the child: stdout, stderr, and descriptors 3 and 4. Close them after the spawn. */
  readonly childEnds: readonly number[];
  /** Starts reading. Resolves `ended` when every holder of stdout and stderr is gone. */
  read(on: { output(stream: "stdout" | "stderr", chunk: Buffer): void; word(line: string): void; wrapperGone(): void }): void;
  /** When nobody holds stdout and stderr any more: all that was printed has been read. */
  readonly outputEnded: Promise<void>;
  /** Says something to the wrapper: `ok`, or `again` to hear the exit code once more. */
  say(word: "ok" | "again"): void;
  close(): void;
}

/** Opens our ends; `forChild` also opens the child's, first, so that ours do not see an end before there was a beginning. */
export function openPipes(directory: string, id: string, forChild: boolean): Pipes {
  const open = (name: PipeName, flags: number) => openSync(pathOf(directory, id, name), flags);
  const childEnds: number[] = [];
  const ours: number[] = [];
  try {
    if (forChild) for (const name of pipeNames) childEnds.push(open(name, constants.O_RDWR));
    for (const name of ["out", "err", "up"] as const) ours.push(open(name, constants.O_RDONLY | constants.O_NONBLOCK));
    ours.push(open("down", constants.O_RDWR | constants.O_NONBLOCK));
  } catch (error) {
    for (const fd of [...childEnds, ...ours]) closeSync(fd);
    throw error;
  }
  const [out, err, up, down] = ours as [number, number, number, number];
  const { promise: outputEnded, resolve: endOutput } = Promise.withResolvers<void>();
  let sockets: Socket[] = [];
  let isClosed = false;
  return {
    childEnds,
    outputEnded,
    read({ output, word, wrapperGone }) {
      let open = 2;
      const follow = (fd: number, onData: (chunk: Buffer) => void, onEnd: () => void) => {
        const socket = new Socket({ fd, readable: true, writable: false });
        socket.on("data", onData);
        socket.on("close", onEnd);
        // A FIFO gives no error that is not an end; "close" follows either way.
        socket.on("error", () => {});
        return socket;
      };
      const ended = () => {
        if (--open === 0) endOutput();
      };
      let text = "";
      sockets = [
        follow(out, (chunk) => output("stdout", chunk), ended),
        follow(err, (chunk) => output("stderr", chunk), ended),
        follow(
          up,
          (chunk) => {
            text = (text + chunk.toString("latin1")).slice(-4096);
            const lines = text.split("\n");
            text = lines.pop() ?? "";
            for (const line of lines) word(line);
          },
          () => {
            if (!isClosed) wrapperGone();
          },
        ),
      ];
    },
    say(word) {
      if (isClosed) return;
      try {
        writeSync(down, `${word}\n`);
      } catch (error) {
        // Full (it never reads) or gone: the kill that follows an unheard word settles it.
        if (!["EAGAIN", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      closeSync(down);
      if (sockets.length === 0) for (const fd of [out, err, up]) closeSync(fd);
      for (const socket of sockets) socket.destroy();
    },
  };
}
