/** A body that is sent as it comes: what the server says in the middle, and what breaks it off. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { aRepository } from "../../journeys/repository.ts";
import { openArchive } from "./archive.ts";
import { open, readText } from "./http.ts";

async function aListener(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    connection: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: undefined, from: "a test" },
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Megabytes without end; says how many were taken. */
function endless() {
  let taken = 0;
  const stream = new Readable({
    read() {
      taken++;
      this.push(Buffer.alloc(1024 * 1024));
    },
  });
  return { stream, taken: () => taken };
}

describe("a body that is a stream", () => {
  it("ends with the server's refusal in the middle of it, which is read whole", async () => {
    await using server = await aListener((request, response) => {
      let size = 0;
      request.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > 3 * 1024 * 1024 && !response.headersSent) response.writeHead(413).end('{"error":"too large"}');
      });
    });
    const body = endless();
    const answer = await open(server.connection, { method: "POST", path: "/", body: body.stream });
    expect([answer.statusCode, await readText(answer)]).toEqual([413, '{"error":"too large"}']);
    const taken = body.taken();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(body.taken()).toBe(taken);
    expect(taken).toBeLessThan(100);
  });

  it("is taken no faster than the server reads it", async () => {
    await using server = await aListener((request) => void request.pause());
    const body = endless();
    const stop = new AbortController();
    const sent = open(server.connection, { method: "POST", path: "/", body: body.stream, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(body.taken()).toBeLessThan(50);
    stop.abort();
    await expect(sent).rejects.toMatchObject({ name: "AbortError" });
  });

  it("breaks off when git does: the server never gets half an archive for a whole one", async () => {
    const directory = await mkdtemp(join(tmpdir(), "norns-upload-"));
    try {
      const repository = await aRepository(directory, { "a.txt": "a" });
      let isWhole = false;
      await using server = await aListener((request, response) => {
        request.on("end", () => {
          isWhole = true;
          response.end("{}");
        });
        request.resume();
      });
      const broken = openArchive(directory, "no-such-tree", () => {});
      await expect(open(server.connection, { method: "POST", path: "/", body: broken.stream })).rejects.toThrow();
      expect(broken.problem()).toMatchObject({ code: "git_failed", message: expect.stringContaining("no-such-tree") });
      expect(isWhole).toBe(false);

      let total = 0;
      const good = openArchive(directory, await repository.git("rev-parse", "HEAD"), (bytes) => (total = bytes));
      const answer = await open(server.connection, { method: "POST", path: "/", body: good.stream });
      expect([answer.statusCode, isWhole, total > 1000]).toEqual([200, true, true]);
      answer.resume();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
