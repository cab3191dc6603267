/** `ws` and nothing else: a message is made once and sent to every socket, at a fixed rate. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { answerParent } from "./answer.ts";
import { atRate } from "./rate.ts";

const http = createServer();
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, backlog: 1024 });
let seq = 0;

async function listen(): Promise<{ port: number }> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { port: (http.address() as AddressInfo).port };
}

/** `message` is the JSON of one of our server's messages up to its number: the same bytes. */
async function send({
  message,
  perSecond,
  seconds,
}: {
  message: string;
  perSecond: number;
  seconds: number;
}): Promise<{ first: number; sentAt: number[] }> {
  const first = seq + 1;
  const sentAt = await atRate(perSecond, seconds, () => {
    const data = Buffer.from(`${message}${++seq}}`);
    for (const socket of sockets.clients) socket.send(data, { binary: false });
  });
  return { first, sentAt };
}

const handlers = { listen, send };
export type BareBroadcast = typeof handlers;
answerParent(handlers);
