/**
 * Frames to many sockets. A server's frames are not masked, so an event's frame is the same for every follower: it is made
 * once and written to the connections themselves, for each of them everything of one turn in one piece. `ws` would make a
 * head and two writes for each socket. Nothing of `ws` can lie in between: it sends uncompressed messages at once.
 */
import type { Duplex } from "node:stream";

/** A whole text message as one frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x81;
  frame[1] = head === 2 ? length : head === 4 ? 126 : 127;
  if (head === 4) frame.writeUInt16BE(length, 2);
  if (head === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(text, head);
  return frame;
}

/** Writes a frame to a connection, together with what else goes there in this turn of the event loop. */
export type WriteFrame = (connection: Duplex, frame: Buffer) => void;

export function createFrameWriter(): WriteFrame {
  let held: Duplex[] = [];
  const letGo = (): void => {
    const connections = held;
    held = [];
    for (const connection of connections) connection.uncork();
  };
  return (connection, frame) => {
    if (connection.writableCorked === 0) {
      connection.cork();
      if (held.push(connection) === 1) setImmediate(letGo);
    }
    connection.write(frame);
  };
}
