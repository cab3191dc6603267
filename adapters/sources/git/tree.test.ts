import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { type Header, pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { aFolder, anApp, aRepository, someSources } from "./fixtures.ts";
import { writeTree } from "./tree.ts";
import { defaultTreeLimits, staysInside } from "./tree-entries.ts";

const signal = AbortSignal.timeout(60_000);
const commit = "a".repeat(40);

async function aTar(entries: (Partial<Header> & { name: string; body?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { body, ...header } of entries) tar.entry(header, body ?? "");
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Uint8Array, size = 700): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const link = (name: string, linkname: string) => ({ name, linkname, type: "symlink" as const });

describe("archives that would write elsewhere", () => {
  it.each<[string, (Partial<Header> & { name: string; body?: string })[]]>([
    ["an absolute path", [{ name: "/etc/cron.d/x", body: "x" }]],
    ["a path up", [{ name: "../x", body: "x" }]],
    ["a path up in the middle", [{ name: "a/../../x", body: "x" }]],
    ["a link to an absolute path", [link("l", "/etc/passwd")]],
    ["a link up", [link("a/l", "../../x")]],
    ["a link through a link", [link("d/e/s", "../.."), link("m", "d/e/s/../x")]],
    ["a file below a link", [link("l", "d"), { name: "l/x", body: "x" }]],
    ["a directory where a link was", [link("l", "."), { name: "l", type: "directory" }]],
    ["a link where a directory was", [{ name: "l/x", body: "x" }, link("l", ".")]],
    ["a link in place of a file", [{ name: "f", body: "x" }, link("f", "x")]],
    [
      "a file twice",
      [
        { name: "f", body: "x" },
        { name: "./f", body: "y" },
      ],
    ],
    [
      "a file below a file",
      [
        { name: "f", body: "x" },
        { name: "f/g", body: "y" },
      ],
    ],
    [
      "a hard link",
      [
        { name: "f", body: "x" },
        { name: "g", type: "link", linkname: "/etc/shadow" },
      ],
    ],
    ["a device", [{ name: "sda", type: "block-device", devmajor: 8, devminor: 0 }]],
    ["a character device", [{ name: "mem", type: "character-device", devmajor: 1, devminor: 1 }]],
    ["a pipe", [{ name: "pipe", type: "fifo" }]],
    ["a name that is too long", [{ name: "x".repeat(256), body: "x" }]],
  ])("[I8] refuses %s, at the door and at the check-out", async (_what, entries) => {
    await using folder = await aFolder();
    const tar = await aTar(entries);
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.keepArchive(anApp, commit, inPieces(tar), signal)).rejects.toMatchObject({
      code: "source_refused",
      kind: "invalid",
    });
    expect(await readdir(join(folder.path, "home/archives/hello"))).toEqual([]);
    await mkdir(join(folder.path, "out"));
    await expect(writeTree(inPieces(tar), join(folder.path, "out"), defaultTreeLimits, signal)).rejects.toMatchObject({
      code: "source_refused",
    });
    expect((await readdir(folder.path)).sort()).toEqual(["home", "out"]);
  });

  it("[I8] leaves out .git in any spelling, and takes setuid bits away", async () => {
    await using folder = await aFolder();
    const tar = await aTar([
      { name: ".git/hooks/post-checkout", body: "x" },
      { name: "sub/.GIT/config", body: "x" },
      { name: "run", mode: 0o6777, body: "x" },
      { name: "./a//b/./c", body: "y" },
    ]);
    await mkdir(join(folder.path, "out"));
    await writeTree(inPieces(tar), join(folder.path, "out"), defaultTreeLimits, signal);
    expect((await readdir(join(folder.path, "out"), { recursive: true })).sort()).toEqual(["a", "a/b", "a/b/c", "run"]);
    expect((await stat(join(folder.path, "out/run"))).mode & 0o7777).toBe(0o755);
  });

  it("[I8] never lets a link end outside, whatever other links there are", async () => {
    const name = fc.constantFrom("a", "b", "c", "d/a", "d/b", "d/e/a", "d/e/b");
    const part = fc.constantFrom("a", "b", "c", "d", "e", "..", ".", "");
    const target = fc
      .array(part, { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join("/"))
      .filter((text) => text !== "" && !text.startsWith("/"));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, target), { selector: ([path]) => path, maxLength: 7 }), async (pairs) => {
        const base = await realpath(await mkdtemp(join(tmpdir(), "norns-links-")));
        try {
          const root = join(base, "1/2/3/4/root");
          await mkdir(join(root, "d/e"), { recursive: true });
          for (const place of ["1/2/3/4", "1/2/3", "1/2", "1"])
            for (const file of ["a", "b", "c"]) await writeFile(join(base, place, file), "outside");
          const links = new Map(pairs);
          for (const [path, to] of links) await symlink(to, join(root, path));
          for (const path of links.keys()) {
            if (!staysInside(path, links)) continue;
            const real = await realpath(join(root, path)).catch(() => root);
            expect(`${real}/`.startsWith(`${root}/`), `${path} in ${JSON.stringify(pairs)}`).toBe(true);
          }
        } finally {
          await rm(base, { recursive: true });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("uploads", () => {
  it("keeps a tar of a commit, plain or gzipped, and checks it out as often as asked", async () => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"));
    const tar = await aTar([{ name: "index.js", body: "hello" }, { name: "bin/run", mode: 0o755, body: "#!" }, link("l", "bin/run")]);
    const location = await sources.keepArchive(anApp, commit, inPieces(tar), signal);
    expect(location).toMatchObject({ kind: "archive", commit });
    expect(await sources.keepArchive(anApp, commit, inPieces(gzipSync(tar)), signal)).toEqual(location);
    const source = await sources.resolve(anApp, location, "HEAD", signal);
    expect(source).toMatchObject({ commit, isDirty: false });
    for (let time = 0; time < 2; time++) {
      await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
      expect(await readFile(join(folder.path, "out/l"), "utf8")).toBe("#!");
    }
    await expect(sources.resolve(anApp, location, "main", signal)).rejects.toMatchObject({ code: "ref_invalid" });
    await expect(sources.resolve(anApp, { ...location, id: "b".repeat(40) }, "HEAD", signal)).rejects.toMatchObject({
      code: "source_not_found",
    });
    await expect(sources.resolve(anApp, { ...location, id: "../../credential" }, "HEAD", signal)).rejects.toMatchObject({
      kind: "invalid",
    });
  });

  it("takes what git archive writes, and refuses it under another commit's name", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "app"), { "a/b.js": "x", ["long/".repeat(40) + "file"]: "y" });
    const head = await repository.git("rev-parse", "HEAD");
    await repository.git("archive", "--format=tar", "-o", join(folder.path, "x.tar"), "HEAD");
    const tar = await readFile(join(folder.path, "x.tar"));
    const sources = someSources(join(folder.path, "home"));
    const location = await sources.keepArchive(anApp, head, inPieces(tar), signal);
    await sources.checkOut(anApp, await sources.resolve(anApp, location, head, signal), join(folder.path, "out"), signal);
    expect((await readdir(join(folder.path, "out"))).sort()).toEqual(["a", "long"]);
    await expect(sources.keepArchive(anApp, commit, inPieces(tar), signal)).rejects.toMatchObject({ code: "source_refused" });
  });

  it.each<[string, () => Promise<AsyncIterable<Uint8Array>>]>([
    ["nothing", async () => inPieces(new Uint8Array())],
    ["text", async () => inPieces(Buffer.from("hello, I am no tar ".repeat(100)))],
    ["half a tar", async () => inPieces((await aTar([{ name: "f", body: "x".repeat(5000) }])).subarray(0, 2000))],
    ["half a gzip", async () => inPieces(gzipSync(await aTar([{ name: "f", body: "x".repeat(5000) }])).subarray(0, 60))],
    ["more bytes than allowed", async () => inPieces(await aTar([{ name: "f", body: "x".repeat(200_000) }]))],
    ["a gzip bomb", async () => inPieces(gzipSync(Buffer.alloc(50_000_000)))],
    [
      "more files than allowed",
      async () => inPieces(await aTar(Array.from({ length: 101 }, (_, index) => ({ name: `f${index}`, body: "" })))),
    ],
  ])("[I8] refuses %s and keeps nothing of it", async (_what, body) => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"), { limits: { bytes: 100_000, entries: 100 } });
    await expect(sources.keepArchive(anApp, commit, await body(), signal)).rejects.toMatchObject({
      code: "source_refused",
      kind: "invalid",
    });
    expect(await readdir(join(folder.path, "home/archives/hello"))).toEqual([]);
  });

  it("passes on what broke the upload, and keeps nothing of it", async () => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"));
    const tar = await aTar([{ name: "f", body: "x".repeat(5000) }]);
    async function* broken() {
      yield tar.subarray(0, 1000);
      throw new Error("the client went away");
    }
    await expect(sources.keepArchive(anApp, commit, broken(), signal)).rejects.toThrow("the client went away");
    const giveUp = new AbortController();
    async function* slow() {
      yield tar.subarray(0, 1000);
      giveUp.abort(new Error("gave up"));
      yield tar.subarray(1000);
    }
    await expect(sources.keepArchive(anApp, commit, slow(), giveUp.signal)).rejects.toThrow("gave up");
    expect(await readdir(join(folder.path, "home/archives/hello"))).toEqual([]);
  });

  it("keeps the last twenty of an app", async () => {
    await using folder = await aFolder();
    const sources = someSources(join(folder.path, "home"));
    for (let index = 0; index < 23; index++)
      await sources.keepArchive(anApp, commit, inPieces(await aTar([{ name: "f", body: `${index}` }])), signal);
    expect(await readdir(join(folder.path, "home/archives/hello"))).toHaveLength(20);
  });
});

it("writes a tree of many files and empty directories", async () => {
  await using folder = await aFolder();
  const names = Array.from({ length: 2000 }, (_, index) => `d${index % 50}/e${index % 7}/f${index}`);
  const tar = await aTar([{ name: "empty/", type: "directory" }, ...names.map((name) => ({ name, body: name.repeat(50) }))]);
  await mkdir(join(folder.path, "out"));
  await writeTree(inPieces(tar, 10_000), join(folder.path, "out"), defaultTreeLimits, signal);
  expect(await readdir(join(folder.path, "out/empty"))).toEqual([]);
  for (const name of names) expect(await readFile(join(folder.path, "out", name), "utf8")).toBe(name.repeat(50));
  expect(dirname(names[0]!)).toBe("d0/e0");
});
