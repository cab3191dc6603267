import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, type NodeId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SupervisorClient } from "./supervisor-client.ts";
import { lineSplitter, supervisorVersion, type Request } from "./supervisor/protocol.ts";

let home: string;
let client: SupervisorClient;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "norns-client-"));
  mkdirSync(join(home, "run"));
  client = new SupervisorClient({ home, node: newId("NodeId") as NodeId, nodeBinary: process.execPath, log: silentLog });
});
afterEach(async () => {
  await client.retire();
  await client.close();
  rmSync(home, { recursive: true });
});

/** A supervisor of another version: says so, and ends when it is told to. */
async function anotherVersion(version: number): Promise<{ server: Server; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const split = lineSplitter((line) => {
      const { id, method } = JSON.parse(line) as Request;
      asked.push(method);
      socket.write(`${JSON.stringify({ id, result: { version, pid: 1, node: "node_other" } })}\n`);
      if (method === "retire") server.close(() => {});
      if (method === "retire") socket.end();
    });
    socket.on("data", split);
  });
  await new Promise<void>((resolve) => server.listen(join(home, "run", "supervisor.sock"), resolve));
  return { server, asked };
}

describe("the supervisor's client", () => {
  it("takes over from an older supervisor", async () => {
    const { asked } = await anotherVersion(supervisorVersion - 1);
    expect(await client.call("list", {})).toEqual([]);
    expect(asked).toEqual(["hello", "retire"]);
    expect(await client.call("hello", { version: supervisorVersion })).toMatchObject({ version: supervisorVersion });
  });

  it("leaves a newer one alone, and says what to do", async () => {
    const { server, asked } = await anotherVersion(supervisorVersion + 1);
    await expect(client.call("list", {})).rejects.toMatchObject({ kind: "unavailable", code: "supervisor_newer" });
    expect(asked).toEqual(["hello"]);
    await new Promise((resolve) => server.close(resolve));
  });

  it("starts none to be told that there is nothing to supervise", async () => {
    await client.keepConnected();
    expect(client.hasRecords()).toBe(false);
    await client.retire();
  });

  it("gives up on a supervisor that cannot start, and says where its log is", async () => {
    const broken = new SupervisorClient({
      home,
      node: newId("NodeId") as NodeId,
      nodeBinary: "/bin/false",
      log: silentLog,
      startLimitMs: 500,
    });
    await expect(broken.call("list", {})).rejects.toMatchObject({
      kind: "unavailable",
      code: "supervisor_unavailable",
      message: expect.stringContaining("supervisor.log"),
    });
    await broken.close();
  });

  it("passes on what the supervisor refuses", async () => {
    await expect(client.call("restart", { instance: "ins_none" as never })).rejects.toMatchObject({
      kind: "not_found",
      code: "instance_not_found",
    });
  });

  it("ends a peer that sends a line without end", () => {
    const split = lineSplitter(() => {});
    const flood = () => {
      for (let count = 0; count < 100; count++) split(Buffer.alloc(64 * 1024, "x"));
    };
    expect(flood).toThrow(/4 MB/);
  });
});
