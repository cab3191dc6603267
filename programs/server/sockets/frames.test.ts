import { PassThrough, type Writable } from "node:stream";
import * as ws from "ws";
import { describe, expect, it } from "vitest";
import { createFrameWriter, textFrame } from "./frames.ts";

/** In the package's door, not in its types. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { isServer: boolean }) => Writable };

/** What `ws` itself, as a client, reads out of the bytes. */
function read(bytes: Buffer): Promise<string> {
  const receiver = new Receiver({ isServer: false });
  return new Promise((resolve, reject) => {
    receiver.on("message", (data: Buffer, isBinary: boolean) => (isBinary ? reject(new Error("binary")) : resolve(data.toString("utf8"))));
    receiver.on("error", reject);
    receiver.write(bytes);
  });
}

describe("a frame", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])("it of %i characters is read back as it was", async (length) => {
    const text = "x".repeat(length);
    expect(await read(textFrame(text))).toBe(text);
  });

  it("it counts bytes, not characters", async () => {
    const text = "größer 🧵".repeat(20);
    expect(await read(textFrame(text))).toBe(text);
  });

  it("it goes out in one piece with what else is sent in the same turn", async () => {
    const connection = new PassThrough();
    const pieces: number[] = [];
    connection._writev = (chunks, done) => (pieces.push(chunks.length), done());
    const write = createFrameWriter();
    for (const text of ["a", "b", "c"]) write(connection, textFrame(text));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(pieces).toEqual([3]);
  });
});
