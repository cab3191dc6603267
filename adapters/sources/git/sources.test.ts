import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aFolder, aGitServer, anApp, aRepository, someSources } from "./fixtures.ts";

const signal = AbortSignal.timeout(60_000);
const git = (url: string, branch = "main") => ({ kind: "git", url, branch }) as const;
const directory = (path: string) => ({ kind: "directory", path }) as const;

describe("sources over a git server", () => {
  it("finds the branch's commit, and writes its tree byte for byte", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"), {
      "index.js": "one\r\ntwo\n",
      ".gitattributes": "* text=auto eol=crlf\nsecret.txt export-ignore\nversion.txt export-subst\n*.id ident\n",
      "secret.txt": "kept",
      "version.txt": "$Format:%H$",
      "a.id": "$Id$",
      "sub/deep/file": "x",
    });
    await chmod(join(repository.path, "sub/deep/file"), 0o755);
    await symlink("../index.js", join(repository.path, "sub/link"));
    const commit = await repository.commit({}, "Say hello to the world");
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    expect(source).toMatchObject({ commit, ref: "HEAD", subject: "Say hello to the world", isDirty: false });
    const target = join(folder.path, "out");
    await sources.checkOut(anApp, source, target, signal);
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      ".gitattributes",
      "a.id",
      "index.js",
      "secret.txt",
      "sub",
      "sub/deep",
      "sub/deep/file",
      "sub/link",
      "version.txt",
    ]);
    expect(await readFile(join(target, "version.txt"), "utf8")).toBe("$Format:%H$");
    expect(await readFile(join(target, "a.id"), "utf8")).toBe("$Id$");
    expect(await readFile(join(target, "index.js"), "utf8")).toBe(
      await repository.git("cat-file", "blob", "HEAD:index.js").then((text) => `${text}\n`),
    );
    expect((await stat(join(target, "sub/deep/file"))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(target, "sub/link"))).toBe("../index.js");
  });

  it("resolves branches, peeled tags, full refs and short commits, each to forty digits", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    const first = await repository.git("rev-parse", "HEAD");
    await repository.git("tag", "-a", "v1", "-m", "one");
    await repository.git("tag", "-a", "again", "-m", "a tag of a tag", "v1");
    const second = await repository.commit({ "b.js": "2" });
    await repository.git("update-ref", "refs/pull/7/head", first);
    await repository.git("branch", "feature/größe#1", first);
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    const at = async (ref: string) => (await sources.resolve(anApp, git(`${server.url}/app`), ref, signal)).commit;
    expect(await at("main")).toBe(second);
    expect(await at("v1")).toBe(first);
    expect(await at("again")).toBe(first);
    expect(await at("refs/tags/v1")).toBe(first);
    expect(await at("refs/heads/main")).toBe(second);
    expect(await at("refs/pull/7/head")).toBe(first);
    expect(await at("feature/größe#1")).toBe(first);
    expect(await at(first.slice(0, 7))).toBe(first);
    expect(await at(first.slice(0, 12).toUpperCase())).toBe(first);
    expect(await at(first)).toBe(first);
  });

  it("finds a commit that no branch holds any more, when it is named whole", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    const gone = await repository.commit({ x: "1" });
    await repository.git("reset", "--hard", "--quiet", "HEAD~1");
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    expect((await sources.resolve(anApp, git(`${server.url}/app`), gone, signal)).commit).toBe(gone);
    await expect(
      sources.resolve(anApp, git(`${server.url}/app`), "0123456789012345678901234567890123456789", signal),
    ).rejects.toMatchObject({ code: "ref_not_found" });
  });

  it("refuses a name that is both a branch and a tag of different commits, and takes it when they agree", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await repository.git("branch", "same");
    await repository.git("tag", "same");
    await repository.git("tag", "both");
    const second = await repository.commit({ b: "2" });
    await repository.git("branch", "both");
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, git(`${server.url}/app`), "both", signal)).rejects.toMatchObject({
      code: "ref_ambiguous",
      kind: "invalid",
    });
    expect((await sources.resolve(anApp, git(`${server.url}/app`), "refs/heads/both", signal)).commit).toBe(second);
    await expect(sources.resolve(anApp, git(`${server.url}/app`), "same", signal)).resolves.toMatchObject({ ref: "same" });
  });

  it("is not led astray by a tag that looks like a branch's full name", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await repository.git("update-ref", "refs/tags/refs/heads/prod", "HEAD");
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, git(`${server.url}/app`, "prod"), "HEAD", signal)).rejects.toMatchObject({ code: "ref_not_found" });
  });

  it("names the nearest branches when there is none of that name", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await repository.git("branch", "release-2026");
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, git(`${server.url}/app`), "relaese-2026", signal)).rejects.toMatchObject({
      code: "ref_not_found",
      details: { near: ["release-2026"] },
    });
    await expect(sources.resolve(anApp, git(`${server.url}/app`, "mian"), "HEAD", signal)).rejects.toThrow(/main/);
  });

  it("checks out and resolves a known commit after the repository is deleted", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    const sources = someSources(join(folder.path, "home"));
    let location;
    let source;
    {
      await using server = await aGitServer(join(folder.path, "repos"));
      location = git(`${server.url}/app`);
      source = await sources.resolve(anApp, location, "HEAD", signal);
    }
    await rm(join(folder.path, "repos"), { recursive: true });
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(await readdir(join(folder.path, "out"))).toEqual(["index.js"]);
    expect((await sources.resolve(anApp, location, source.commit, signal)).commit).toBe(source.commit);
    await expect(sources.resolve(anApp, location, "HEAD", signal)).rejects.toMatchObject({
      code: "repository_unreachable",
      kind: "unavailable",
    });
  });

  it("keeps a resolved commit through a force push, and follows deleted and renamed branches", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await repository.git("checkout", "--quiet", "-b", "a");
    const old = await repository.commit({ old: "1" });
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, git(`${server.url}/app`), "a", signal);
    await repository.git("checkout", "--quiet", "main");
    await repository.git("branch", "-D", "a");
    await repository.git("branch", "a/b");
    await repository.git("-c", "gc.reflogExpire=now", "reflog", "expire", "--expire=now", "--all");
    await repository.git("gc", "--quiet", "--prune=now");
    expect((await sources.resolve(anApp, git(`${server.url}/app`), "a/b", signal)).commit).not.toBe(old);
    await expect(sources.resolve(anApp, git(`${server.url}/app`), "a", signal)).rejects.toMatchObject({ code: "ref_not_found" });
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(await readdir(join(folder.path, "out"))).toContain("old");
  });

  it("replaces what an earlier try left in the target", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    const target = join(folder.path, "out");
    await mkdir(target);
    await writeFile(join(target, "left"), "x");
    await sources.checkOut(anApp, source, target, signal);
    await sources.checkOut(anApp, source, target, signal);
    expect(await readdir(target)).toEqual(["index.js"]);
  });

  it("makes a damaged mirror anew", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    const mirrors = join(folder.path, "home/mirrors");
    const [mirror] = (await readdir(mirrors)).filter((name) => name.endsWith(".git"));
    const packs = join(mirrors, mirror!, "objects/pack");
    for (const name of await readdir(packs))
      if (name.endsWith(".pack")) {
        await chmod(join(packs, name), 0o600);
        await writeFile(join(packs, name), "not a pack");
      }
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(await readdir(join(folder.path, "out"))).toEqual(["index.js"]);
    for (const name of await readdir(packs))
      if (name.endsWith(".pack")) {
        await chmod(join(packs, name), 0o600);
        await writeFile(join(packs, name), "not a pack");
      }
    const next = await repository.commit({ b: "2" });
    expect((await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal)).commit).toBe(next);
    expect((await readdir(mirrors)).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("lets many resolve one repository at once, from two servers of one home", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "repos/app"));
    const commit = await repository.git("rev-parse", "HEAD");
    await using server = await aGitServer(join(folder.path, "repos"));
    const one = someSources(join(folder.path, "home"));
    const two = someSources(join(folder.path, "home"));
    const all = await Promise.all([one, two, one, two].map((sources) => sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal)));
    expect(all.map((source) => source.commit)).toEqual([commit, commit, commit, commit]);
    expect((await readdir(join(folder.path, "home/mirrors"))).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("takes over the lock of a process that died", async () => {
    await using folder = await aFolder();
    await aRepository(join(folder.path, "repos/app"));
    await using server = await aGitServer(join(folder.path, "repos"));
    const sources = someSources(join(folder.path, "home"));
    await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", signal);
    const mirrors = join(folder.path, "home/mirrors");
    const [mirror] = await readdir(mirrors);
    await writeFile(join(mirrors, `${mirror}.lock`), `${process.pid} 1 0123456789abcdef`);
    await sources.resolve(anApp, git(`${server.url}/app`), "HEAD", AbortSignal.timeout(5000));
  });
});

describe("sources of a directory", () => {
  it("takes its own HEAD, never its dirty files, and says that there are some", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "app"), { "index.js": "committed", ".gitignore": "node_modules\n" });
    const commit = await repository.git("rev-parse", "HEAD");
    const sources = someSources(join(folder.path, "home"));
    await mkdir(join(repository.path, "node_modules"));
    await writeFile(join(repository.path, "node_modules/x"), "");
    expect(await sources.resolve(anApp, directory(repository.path), "HEAD", signal)).toMatchObject({
      commit,
      isDirty: false,
      subject: "First",
    });
    await writeFile(join(repository.path, "index.js"), "changed");
    const source = await sources.resolve(anApp, directory(repository.path), "HEAD", signal);
    expect(source).toMatchObject({ commit, isDirty: true });
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(await readFile(join(folder.path, "out/index.js"), "utf8")).toBe("committed");
  });

  it("takes a detached HEAD, a branch, and a commit of the directory", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "app"));
    const first = await repository.git("rev-parse", "HEAD");
    const second = await repository.commit({ b: "2" });
    await repository.git("checkout", "--quiet", "--detach", first);
    const sources = someSources(join(folder.path, "home"));
    expect((await sources.resolve(anApp, directory(repository.path), "HEAD", signal)).commit).toBe(first);
    expect((await sources.resolve(anApp, directory(repository.path), "main", signal)).commit).toBe(second);
    expect((await sources.resolve(anApp, directory(repository.path), second.slice(0, 8), signal)).commit).toBe(second);
  });

  it("runs nothing that the directory's own git configuration asks for [I2]", async () => {
    await using folder = await aFolder();
    const repository = await aRepository(join(folder.path, "app"), { ".gitattributes": "* filter=evil diff=evil\n", "index.js": "1" });
    const mark = join(folder.path, "mark");
    const evil = join(folder.path, "evil");
    await writeFile(evil, `#!/bin/sh\ntouch ${mark}\ncat\n`, { mode: 0o755 });
    for (const key of [
      "core.fsmonitor",
      "filter.evil.clean",
      "filter.evil.smudge",
      "filter.evil.process",
      "uploadpack.packObjectsHook",
      "core.sshCommand",
      "diff.evil.textconv",
      "core.pager",
      "credential.helper",
    ]) {
      await repository.git("config", key, evil);
    }
    for (const hook of ["post-checkout", "pre-receive", "reference-transaction", "post-index-change"])
      await writeFile(join(repository.path, ".git/hooks", hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    await writeFile(join(repository.path, "index.js"), "changed");
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, directory(repository.path), "HEAD", signal);
    expect(source.isDirty).toBe(true);
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    await expect(stat(mark)).rejects.toThrow("ENOENT");
  });

  it("without git: the same content has the same hash anywhere, and a check-out gives what was there when it was resolved", async () => {
    await using folder = await aFolder();
    const make = async (name: string, order: string[]) => {
      for (const file of order) {
        await mkdir(join(folder.path, name, file, ".."), { recursive: true });
        await writeFile(join(folder.path, name, file), `content of ${file}`);
      }
      await symlink("a", join(folder.path, name, "link"));
      return join(folder.path, name);
    };
    const one = await make("one", ["a", "b/c", "ä"]);
    const two = await make("two", ["ä", "b/c", "a"]);
    const sources = someSources(join(folder.path, "home"));
    const source = await sources.resolve(anApp, directory(one), "HEAD", signal);
    expect(source.commit).toMatch(/^content-[0-9a-f]{40}$/);
    expect((await sources.resolve(anApp, directory(two), "HEAD", signal)).commit).toBe(source.commit);
    await chmod(join(two, "a"), 0o755);
    expect((await sources.resolve(anApp, directory(two), "HEAD", signal)).commit).not.toBe(source.commit);
    await writeFile(join(one, "a"), "edited");
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
    expect(await readFile(join(folder.path, "out/a"), "utf8")).toBe("content of a");
    expect(await readlink(join(folder.path, "out/link"))).toBe("a");
    await rm(one, { recursive: true });
    await sources.checkOut(anApp, source, join(folder.path, "out"), signal);
  });

  it("without git: refuses a link that leaves it [I8]", async () => {
    await using folder = await aFolder();
    await mkdir(join(folder.path, "app"));
    await symlink("/etc/passwd", join(folder.path, "app/passwords"));
    const sources = someSources(join(folder.path, "home"));
    await expect(sources.resolve(anApp, directory(join(folder.path, "app")), "HEAD", signal)).rejects.toMatchObject({
      code: "source_refused",
      kind: "invalid",
    });
    expect(await readdir(join(folder.path, "home/archives/hello"))).toEqual([]);
  });
});
