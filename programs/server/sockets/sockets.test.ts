/** `/ws` on a real server of node:http, a real database and real connections. */
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { WebSocket } from "ws";
import { describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { createRevocations, revocationMigrations, type Actor, type Revocations } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject, type EventLog } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { createLiveStreams } from "../live-streams.ts";
import { createSockets, type Sockets, type SocketsDeps } from "./index.ts";

const mine = "ws_0000000000000000000000000a" as WorkspaceId;
const theirs = "ws_0000000000000000000000000b" as WorkspaceId;

const ada: Actor = {
  kind: "user",
  id: "usr_ada",
  label: "ada",
  via: "session",
  roles: { [mine]: "viewer" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: mine,
};
const narrowKey: Actor = { ...ada, kind: "api-key", id: "key_1", via: "api-key", scopes: ["agents:read"] };

interface Rig extends AsyncDisposable {
  readonly port: number;
  readonly events: EventLog;
  readonly revocations: Revocations;
  readonly db: TestDatabase;
  readonly sockets: Sockets;
  say(workspace: WorkspaceId, message: string, count?: number): Promise<void>;
  open(path?: string, headers?: Record<string, string>): Promise<Client>;
  /** The status that an upgrade is refused with. */
  refused(path?: string, headers?: Record<string, string>): Promise<number>;
}

interface Message {
  readonly type: string;
  readonly appId: string;
  readonly payload: { readonly text?: string };
  readonly seq: number;
}

interface Client {
  readonly socket: WebSocket;
  readonly messages: Message[];
  readonly closed: Promise<{ code: number; reason: string }>;
  until(isEnough: (messages: Message[]) => boolean): Promise<void>;
}

const bearer = { authorization: "Bearer ada" };

async function aRig(of: Partial<SocketsDeps> = {}): Promise<Rig> {
  const db = await aDatabase([kernelMigrations, revocationMigrations]);
  const events = createEvents({ store: db.store });
  const revocations = createRevocations({ store: db.store, clock: systemClock, log: silentLog, checkEveryMs: 200 });
  const sockets = createSockets({
    events,
    streams: createLiveStreams((actor, close) => revocations.whenRevoked(actor, close)),
    rooms: [(event) => (event.category === "test" ? { type: event.action, appId: "hello", payload: { text: event.message } } : undefined)],
    log: silentLog,
    async resolveActor(request) {
      const url = new URL(request.url);
      const known = await revocations.upTo();
      const actor =
        request.headers.get("authorization") === "Bearer ada" ||
        request.headers.get("cookie") === "norns=ada" ||
        url.searchParams.get("ticket") === "good"
          ? ada
          : request.headers.get("x-api-key") === "narrow"
            ? narrowKey
            : null;
      if (!actor) return null;
      const own = { ...actor };
      revocations.note(own, known);
      return own;
    },
    resolveWorkspace: async (_actor, named) => (named === "mine" ? mine : named === "theirs" ? theirs : undefined),
    ownOrigin: (request) => `http://${request.headers.host}`,
    remoteAddress: (request) => request.socket.remoteAddress ?? "",
    ...of,
  });
  const server: Server = createServer();
  server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients: WebSocket[] = [];
  const dial = (path: string, headers: Record<string, string>) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    clients.push(socket);
    return socket;
  };

  return {
    port,
    events,
    revocations,
    db,
    sockets,
    async say(workspace, message, count = 1) {
      const write = new Write();
      for (let index = 0; index < count; index++)
        events.append(write, {
          workspace,
          subject: subject("app", "hello"),
          category: "test",
          action: "deploy.step",
          message: count === 1 ? message : `${message} ${index}`,
          actor: "test",
        });
      await write.commit(db.store);
    },
    open(path = "/ws", headers = bearer) {
      return new Promise((resolve, reject) => {
        const socket = dial(path, headers);
        const messages: Message[] = [];
        const waiting = new Set<() => void>();
        const closed = new Promise<{ code: number; reason: string }>((done) =>
          socket.once("close", (code, reason) => done({ code, reason: reason.toString() })),
        );
        socket.on("message", (data: Buffer) => {
          messages.push(JSON.parse(data.toString()) as Message);
          for (const wake of waiting) wake();
        });
        const until = (isEnough: (messages: Message[]) => boolean) =>
          new Promise<void>((done) => {
            const look = () => isEnough(messages) && (waiting.delete(look), done());
            waiting.add(look);
            look();
          });
        socket.once("open", () => void until((got) => got.length > 0).then(() => resolve({ socket, messages, closed, until })));
        socket.once("error", reject);
      });
    },
    refused(path = "/ws", headers = {}) {
      return new Promise((resolve, reject) => {
        const socket = dial(path, headers);
        socket.once("unexpected-response", (_request, response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        socket.once("open", () => reject(new Error("The socket was opened.")));
        socket.on("error", () => {});
      });
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.terminate();
      await sockets.close();
      await new Promise((resolve) => server.close(resolve));
      await revocations.close();
      await db.close();
    },
  };
}

const texts = (client: Client): (string | undefined)[] => client.messages.slice(1).map((message) => message.payload.text);

describe("/ws", () => {
  it("sends what happens in the actor's workspaces, in the envelope, and nothing of anybody else's", async () => {
    await using rig = await aRig();
    const client = await rig.open();
    await rig.say(theirs, "not yours");
    await rig.say(mine, "yours");
    await client.until((got) => got.length === 2);
    expect(client.messages[1]).toEqual({ type: "deploy.step", appId: "hello", payload: { text: "yours" }, seq: 2 });
  });

  it("resumes behind `after` without missing or repeating anything", async () => {
    await using rig = await aRig();
    const first = await rig.open();
    await rig.say(mine, "a", 10);
    await first.until((got) => got.length === 11);
    first.socket.terminate();
    await rig.say(mine, "b", 10);
    const second = await rig.open("/ws?after=10");
    await rig.say(mine, "c", 10);
    await second.until((got) => got.length === 21);
    expect(second.messages.slice(1).map((message) => message.seq)).toEqual(Array.from({ length: 20 }, (_, index) => index + 11));
  });

  it("[W1] opens for a bearer token, a ticket, and the cookie with our own Origin; for nothing else", async () => {
    await using rig = await aRig();
    const own = { origin: `http://127.0.0.1:${rig.port}` };
    await rig.open("/ws", bearer);
    await rig.open("/ws?ticket=good", own);
    await rig.open("/ws", { cookie: "norns=ada", ...own });
    expect(await rig.refused("/ws", {})).toBe(401);
    expect(await rig.refused("/ws?ticket=bad", {})).toBe(401);
    expect(await rig.refused("/ws", { authorization: "Bearer forged" })).toBe(401);
    expect(await rig.refused("/ws", { "x-api-key": "narrow" })).toBe(403);
    expect(await rig.refused("/ws?workspace=theirs", bearer)).toBe(404);
    expect(rig.sockets.size).toBe(3);
  });

  it("[W2] opens for no page of another origin, whatever the browser adds", async () => {
    await using rig = await aRig();
    for (const origin of [
      "http://evil.example",
      `http://app.localhost:${rig.port}`,
      `http://localhost:${rig.port}`,
      `https://127.0.0.1:${rig.port}`,
      "http://127.0.0.1:3000",
      "null",
    ])
      for (const credential of [{ cookie: "norns=ada" }, bearer, {}])
        expect(await rig.refused("/ws", { ...credential, origin } as Record<string, string>)).toBe(403);
    expect(await rig.refused("/ws", { cookie: "norns=ada" })).toBe(403);
  });

  it("[W3] closes within a second of the revocation, with a code that says so", async () => {
    await using rig = await aRig();
    const client = await rig.open();
    // Another server revokes: this one has to find out.
    const elsewhere = createRevocations({ store: rig.db.openStore(), clock: systemClock, log: silentLog });
    const write = new Write();
    elsewhere.revoke(write, [`user:${ada.id}`]);
    const before = performance.now();
    await write.commit(rig.db.store);
    expect(await client.closed).toEqual({ code: 4401, reason: "revoked" });
    expect(performance.now() - before).toBeLessThan(1_000);
    await elsewhere.close();
  });

  it("[W4] ends a socket that sends a huge frame", async () => {
    await using rig = await aRig();
    const client = await rig.open();
    client.socket.send("x".repeat(1_000_000));
    expect((await client.closed).code).toBe(1009);
  });

  it("[W4] lets one address have only so many handshakes at once, and others none the less", async () => {
    const pending: (() => void)[] = [];
    await using rig = await aRig({
      resolveActor: () => new Promise((resolve) => pending.push(() => resolve(null))),
      remoteAddress: (request) => String(request.headers["x-test-address"]),
    });
    const statuses = Array.from({ length: 25 }, () => rig.refused("/ws", { "x-test-address": "a" }));
    const first = await Promise.race(statuses);
    const other = rig.refused("/ws", { "x-test-address": "b" });
    while (pending.length < 21) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const letGo of pending) letGo();
    expect(first).toBe(429);
    expect((await Promise.all(statuses)).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 20 }, () => 401),
      ...Array.from({ length: 5 }, () => 429),
    ]);
    expect(await other).toBe(401);
  });

  it("ends a reader that never reads, keeps nothing for it, and goes on serving the others", async () => {
    await using rig = await aRig();
    const good = await rig.open();
    const raw = connect(rig.port, "127.0.0.1");
    const ended = new Promise<void>((resolve) => raw.once("close", () => resolve()));
    raw.on("error", () => {});
    raw.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nAuthorization: Bearer ada\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    raw.pause();
    while (rig.sockets.size < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    // Some 40 MB: more than the kernel's buffers and ours together.
    for (let round = 0; round < 40; round++) await rig.say(mine, "x".repeat(2_000), 500);
    while (rig.sockets.size > 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await rig.say(mine, "still here");
    await good.until((got) => got.at(-1)?.payload.text === "still here");
    expect(texts(good)).toHaveLength(40 * 500 + 1);
    raw.resume();
    await ended;
  });

  it("says 1001 to everybody when the server stops", async () => {
    await using rig = await aRig();
    const client = await rig.open();
    await rig.sockets.close();
    expect((await client.closed).code).toBe(1001);
  });
});
