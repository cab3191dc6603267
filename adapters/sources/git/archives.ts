/**
 * Trees kept as tar files under `<home>/archives/<app>/<id>.tar`: what the CLI sent, and what a directory without git held
 * when it was deployed. The id is a hash of the content, so keeping twice keeps once, and nobody can replace one.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { invalid, type NornsError, notFound, toNornsError } from "@norns/kernel/errors";
import { type AppName, namePattern } from "@norns/kernel/ids";
import { packDirectory, readTar } from "./tree.ts";
import { sourceRefused, type TreeLimits } from "./tree-entries.ts";

/** Uploads of one app that are kept: a release has its own artifact, so these serve retries only. */
const keptPerApp = 20;

type Body = AsyncIterable<Uint8Array>;

export function createArchives(deps: { root: string; limits: TreeLimits }) {
  const folderOf = (app: AppName): string => {
    if (!namePattern.test(app)) throw invalid("app_name_invalid", "That is not the name of an app.");
    return join(deps.root, app);
  };
  const fileOf = (app: AppName, id: string): string => {
    if (!/^[0-9a-f]{40}$/.test(id)) throw invalid("source_invalid", "That is not the id of an archive.");
    return join(folderOf(app), `${id}.tar`);
  };

  /** Writes through `fill` into a draft, then gives the draft the name that `fill` answers. */
  async function keep(app: AppName, fill: (draft: string) => Promise<string>): Promise<string> {
    const folder = folderOf(app);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const draft = join(folder, `draft-${process.pid}-${randomBytes(8).toString("hex")}`);
    try {
      const id = await fill(draft);
      await rename(draft, fileOf(app, id));
      await forgetOld(folder);
      return id;
    } finally {
      await rm(draft, { force: true });
    }
  }

  async function forgetOld(folder: string): Promise<void> {
    const files = [];
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      const at = (await stat(file).catch(() => undefined))?.mtimeMs;
      // A draft of an hour ago belongs to a process that died over it.
      if (at !== undefined && name.startsWith("draft-") && Date.now() - at > 3_600_000) await rm(file, { force: true });
      if (at !== undefined && name.endsWith(".tar")) files.push({ file, at });
    }
    files.sort((a, b) => b.at - a.at);
    for (const { file } of files.slice(keptPerApp)) await rm(file, { force: true });
  }

  /** Keeps an upload: tar or gzipped tar, checked entry by entry while it comes in. Answers its id. */
  async function keepUpload(app: AppName, commit: string, body: Body, signal: AbortSignal): Promise<string> {
    return keep(app, async (draft) => {
      const hash = createHash("sha256");
      const file = await open(draft, "wx", 0o600);
      let head = Buffer.alloc(0);
      try {
        const written = async function* (): Body {
          for await (const chunk of await unzipped(body, deps.limits)) {
            signal.throwIfAborted();
            if (head.length < 1024) head = Buffer.concat([head, chunk]).subarray(0, 1024);
            hash.update(chunk);
            await file.writeFile(chunk);
            yield chunk;
          }
        };
        await readTar(written(), deps.limits, signal, async () => {});
        await file.sync();
      } finally {
        await file.close();
      }
      const stated = statedCommit(head);
      if (stated !== undefined && stated !== commit)
        throw sourceRefused(`it says that it is commit ${stated.slice(0, 12)}, and was sent as ${commit.slice(0, 12)}`);
      return hash.digest("hex").slice(0, 40);
    });
  }

  /** Keeps a directory as it is now; the id is the hash of its content. */
  async function keepDirectory(app: AppName, path: string, signal: AbortSignal): Promise<string> {
    return keep(app, async (draft) => {
      const file = await open(draft, "wx", 0o600);
      try {
        return await packDirectory(path, deps.limits, signal, async (tar) => {
          for await (const chunk of tar) await file.writeFile(chunk as Buffer);
          await file.sync();
        });
      } finally {
        await file.close();
      }
    });
  }

  async function openArchive(app: AppName, id: string): Promise<Readable> {
    const path = fileOf(app, id);
    if (
      !(await access(path).then(
        () => true,
        () => false,
      ))
    ) {
      throw notFound("source_not_found", `The source that was sent for ${app} is no longer kept. Deploy it again from its directory.`);
    }
    const now = new Date();
    await utimes(path, now, now);
    return createReadStream(path);
  }

  return {
    keepUpload,
    keepDirectory,
    openArchive,
    has: (app: AppName, id: string) =>
      access(fileOf(app, id)).then(
        () => true,
        () => false,
      ),
  };
}

/** `git archive` writes the commit as a comment ahead of everything else; a subdirectory's archive has none. */
function statedCommit(head: Buffer): string | undefined {
  if (head.length < 1024 || head[156] !== "g".charCodeAt(0)) return undefined;
  return /^\d+ comment=([0-9a-f]{40})\n/.exec(head.subarray(512, 1024).toString("latin1"))?.[1];
}

async function unzipped(body: Body, limits: TreeLimits): Promise<Body> {
  const iterator = body[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true || first.value.length === 0) throw sourceRefused("it is empty");
  const whole = async function* (): Body {
    let bytes = 0;
    try {
      for (let next: IteratorResult<Uint8Array> = first; next.done !== true; next = await iterator.next()) {
        bytes += next.value.length;
        // The tar rules bound what is inside; this bounds padding and headers.
        if (bytes > limits.bytes * 1.1 + 1024 ** 2) throw sourceRefused(`it is larger than ${Math.round(limits.bytes / 1024 ** 2)} MB`);
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return whole();
  return inflated(whole(), limits);
}

async function* inflated(body: Body, limits: TreeLimits): Body {
  const gunzip = createGunzip();
  const source = Readable.from(body);
  source.on("error", (error: Error) => gunzip.destroy(error));
  source.pipe(gunzip);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limits.bytes * 1.1 + 1024 ** 2)
        throw sourceRefused(`unpacked, it is larger than ${Math.round(limits.bytes / 1024 ** 2)} MB`);
      yield chunk;
    }
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    throw code.startsWith("Z_") ? sourceRefused("its compression is damaged") : asKnown(thrown);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

const asKnown = (thrown: unknown): NornsError | Error => (thrown instanceof Error ? thrown : toNornsError(thrown));
