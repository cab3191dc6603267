import { execFileSync } from "node:child_process";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Write } from "@norns/kernel/database";
import type { AppName } from "@norns/kernel/ids";
import { aCatalog, anActor, anAppsDirectory, aSpec, foreign, home } from "./fixtures.ts";

const git = (url: string) => ({ kind: "git", url, branch: "main" }) as const;

describe("a scan of the apps directory", () => {
  it("finds the apps, once, and says so in events and audit trail", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one"));
    await room.apps.write("two", aSpec("two", "repo: { url: 'https://example.com/two.git', branch: trunk }\n"));
    await room.apps.write("no-app/readme.md", "nothing");
    await room.apps.write("hidden", aSpec("hidden", "deploy: false\n"));
    await room.catalog.scan();
    await room.catalog.scan();
    const [one, two, ...rest] = await room.catalog.listApps(home);
    expect(rest).toEqual([]);
    expect(one).toMatchObject({
      name: "one",
      workspace: home,
      engine: "process",
      isValid: true,
      isAbsent: false,
      registeredBy: "scan",
      location: { kind: "directory", path: join(room.apps.path, "one") },
    });
    expect(two).toMatchObject({ name: "two", location: { kind: "git", url: "https://example.com/two.git", branch: "trunk" } });
    expect(one!.spec!.processes[0]!.name).toBe("web");
    expect(await room.actions()).toEqual(["app.registered app:one", "app.registered app:two"]);
    expect((await room.audit.list({ limit: 10 })).rows.map(({ action, subject }) => `${action} ${subject}`).toSorted()).toEqual([
      "apps.registered app:one",
      "apps.registered app:two",
    ]);
  });

  it("gives the same object as long as nothing has changed", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one"));
    await room.catalog.scan();
    const [before] = await room.catalog.listApps(home);
    expect((await room.catalog.listApps(home))[0]).toBe(before);
    expect(await room.catalog.findApp(home, "one")).toBe(before);
    await room.apps.write("one", aSpec("one", "env: { A: b }\n"));
    await room.catalog.scan();
    expect((await room.catalog.listApps(home))[0]).not.toBe(before);
  });

  it("keeps the last good spec of a file that breaks, and shows what is wrong", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one", "repo: { url: 'https://example.com/one.git' }\n"));
    await room.catalog.scan();
    await room.apps.write("one", "name: [broken");
    await room.catalog.scan();
    const app = await room.catalog.getApp(home, "one");
    expect(app).toMatchObject({ isValid: false, isAbsent: false, specText: "name: [broken", location: { kind: "git" } });
    expect(app.spec?.processes).toHaveLength(1);
    expect(app.findings[0]).toMatchObject({ severity: "error", line: 1 });
    await room.apps.write("one", aSpec("one"));
    await room.catalog.scan();
    expect(await room.catalog.getApp(home, "one")).toMatchObject({ isValid: true, findings: [] });
  });

  it("shows a file that never was good under its directory's name", async () => {
    await using room = await aCatalog();
    await room.apps.write("my-app", "name: [broken");
    await room.apps.write("My App", "name: [broken");
    await room.apps.write("other", "name: named\nprocesses: 3");
    await room.catalog.scan();
    const apps = await room.catalog.listApps(home);
    expect(apps.map(({ name, spec, isValid }) => [name, spec, isValid])).toEqual([
      ["my-app", null, false],
      ["named", null, false],
    ]);
  });

  it("marks what is gone or hidden as absent, keeps it, and takes it back", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one"));
    await room.apps.write("two", aSpec("two"));
    await room.catalog.scan();
    await rm(join(room.apps.path, "one"), { recursive: true });
    await room.apps.write("two", aSpec("two", "deploy: false\n"));
    await room.catalog.scan();
    expect((await room.catalog.listApps(home)).map(({ name, isAbsent, spec }) => [name, isAbsent, spec !== null])).toEqual([
      ["one", true, true],
      ["two", true, true],
    ]);
    expect(await room.catalog.validateApps(home)).toEqual([]);
    await room.apps.write("one", aSpec("one"));
    await room.catalog.scan();
    expect((await room.catalog.getApp(home, "one")).isAbsent).toBe(false);
    expect(await room.actions()).toEqual([
      "app.registered app:one",
      "app.registered app:two",
      "app.absent app:one",
      "app.absent app:two",
      "app.returned app:one",
    ]);
  });

  it("follows a directory that is renamed, and an app that is renamed", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one"));
    await room.catalog.scan();
    await rename(join(room.apps.path, "one"), join(room.apps.path, "uno"));
    await room.catalog.scan();
    expect(await room.catalog.getApp(home, "one")).toMatchObject({ isAbsent: false, directory: join(room.apps.path, "uno") });
    await room.apps.write("uno", aSpec("uno"));
    await room.catalog.scan();
    expect((await room.catalog.listApps(home)).map(({ name, isAbsent }) => [name, isAbsent])).toEqual([
      ["one", true],
      ["uno", false],
    ]);
  });

  it("reports two directories of one name and stays with the one it had", async () => {
    await using room = await aCatalog();
    await room.apps.write("b", aSpec("shop"));
    await room.catalog.scan();
    await room.apps.write("a", aSpec("shop", "env: { NEW: x }\n"));
    await room.catalog.scan();
    const app = await room.catalog.getApp(home, "shop");
    expect(app.directory).toBe(join(room.apps.path, "b"));
    expect(app.findings).toEqual([{ severity: "warning", field: "name", message: expect.stringContaining("directory a,") }]);
    expect(await room.catalog.validateApp(home, "shop")).toMatchObject({ valid: true, findings: [{ field: "name" }] });
    await rm(join(room.apps.path, "a"), { recursive: true });
    await room.catalog.scan();
    expect((await room.catalog.getApp(home, "shop")).findings).toEqual([]);
  });

  it("concludes nothing from a directory that cannot be read", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one"));
    await room.catalog.scan();
    await rename(room.apps.path, `${room.apps.path}-away`);
    await room.catalog.scan();
    expect((await room.catalog.getApp(home, "one")).isAbsent).toBe(false);
    await rename(`${room.apps.path}-away`, room.apps.path);
  });

  it("[I8] follows no link out of the directory and reads nothing but files", async () => {
    await using room = await aCatalog();
    await using outside = await anAppsDirectory();
    await outside.write("secret", aSpec("secret"));
    await room.apps.write("inside", aSpec("inside"));
    await symlink(join(outside.path, "secret"), join(room.apps.path, "linked"));
    await mkdir(join(room.apps.path, "by-file"));
    await symlink(join(outside.path, "secret/infraspec.yaml"), join(room.apps.path, "by-file/infraspec.yaml"));
    await symlink("/etc", join(room.apps.path, "etc"));
    await symlink("loop", join(room.apps.path, "loop"));
    await mkdir(join(room.apps.path, "pipe"));
    execFileSync("mkfifo", [join(room.apps.path, "pipe/infraspec.yaml")]);
    await mkdir(join(room.apps.path, "folder/infraspec.yaml"), { recursive: true });
    await room.catalog.scan();
    expect((await room.catalog.listApps(home)).map(({ name }) => name)).toEqual(["inside"]);
  });

  it("[N11] gives a public address to the app that has it, whatever another one says", async () => {
    await using room = await aCatalog();
    const endpoint = "endpoints: [{ url: shop.example.com }]\n";
    await room.apps.write("shop", aSpec("shop", endpoint));
    await room.catalog.scan();
    await room.apps.write("aaa", aSpec("aaa", endpoint));
    await room.catalog.scan();
    await room.catalog.scan();
    expect(await room.catalog.getApp(home, "shop")).toMatchObject({ isValid: true });
    expect(await room.catalog.getApp(home, "aaa")).toMatchObject({
      isValid: false,
      findings: [{ field: "endpoints[0].url", severity: "error" }],
    });
    const write = new Write();
    await expect(
      room.catalog.registerApp(write, {
        workspace: foreign,
        actor: anActor(foreign),
        location: git("https://example.com/x.git"),
        specText: aSpec("bbb", endpoint),
      }),
    ).rejects.toMatchObject({ code: "hostname_taken" });
    await room.apps.write("shop", aSpec("shop"));
    await room.catalog.scan();
    await room.catalog.scan();
    expect(await room.catalog.getApp(home, "aaa")).toMatchObject({ isValid: true });
  });

  it("[I10] is not held up by what one file brings, now or the next time", async () => {
    await using room = await aCatalog();
    await room.apps.write("a-nul", "name: a-nul\0\nprocesses: { w: { command: 'x\0y' } }");
    await room.apps.write("b-huge", `name: b-huge\n# ${"x".repeat(400_000)}`);
    await room.apps.write("c-latin", "name: c-latin\n# \u00e9");
    await room.apps.write("d-good", aSpec("d-good"));
    await room.apps.write(
      "e-bomb",
      `${aSpec("e-bomb")}a: &a [x, x]\n${Array.from({ length: 40 }, (_, index) => `b${index}: &${"a".repeat(index + 2)} [*${"a".repeat(index + 1)}, *${"a".repeat(index + 1)}]`).join("\n")}`,
    );
    await room.catalog.scan();
    await room.catalog.scan();
    expect((await room.catalog.listApps(home)).map(({ name, isValid }) => [name, isValid])).toEqual([
      ["a-nul", false],
      ["b-huge", false],
      ["c-latin", false],
      ["d-good", true],
      ["e-bomb", false],
    ]);
    expect(await room.actions()).toHaveLength(5);
  });

  it("may be done by several processes at once: they agree, and each change is told once", async () => {
    await using room = await aCatalog();
    for (let index = 0; index < 10; index++) await room.apps.write(`app${index}`, aSpec(`app${index}`));
    const others = [room.another(room.apps.path), room.another(room.apps.path)];
    await Promise.all([room.catalog, ...others].map((catalog) => catalog.scan()));
    await Promise.all([room.catalog, ...others].map((catalog) => catalog.scan()));
    await room.apps.write("app0", aSpec("app0", "env: { A: b }\n"));
    await Promise.all([room.catalog, ...others].map((catalog) => catalog.scan()));
    const actions = await room.actions();
    expect(actions.filter((action) => action.startsWith("app.registered"))).toHaveLength(10);
    expect(actions.filter((action) => action.startsWith("app.changed"))).toEqual(["app.changed app:app0"]);
    const without = room.another();
    await without.scan();
    expect((await without.listApps(home)).map(({ name, revision }) => [name, revision])).toEqual(
      (await room.catalog.listApps(home)).map(({ name, revision }) => [name, revision]),
    );
  });

  it("is followed live", async () => {
    await using room = await aCatalog();
    const stop = new AbortController();
    const changes: string[] = [];
    room.catalog.onChange(({ name }) => changes.push(name));
    const watching = room.catalog.watch(stop.signal);
    await room.apps.write("one", aSpec("one"));
    await expect.poll(() => changes, { timeout: 5000 }).toEqual(["one"]);
    await room.apps.write("one", aSpec("one", "env: { A: b }\n"));
    await expect.poll(() => changes, { timeout: 5000 }).toEqual(["one", "one"]);
    await rm(join(room.apps.path, "one"), { recursive: true });
    await expect.poll(() => changes, { timeout: 5000 }).toEqual(["one", "one", "one"]);
    stop.abort();
    await watching;
  });
});

describe("a registered app", () => {
  const given = { workspace: home, actor: anActor(), location: git("https://example.com/mine.git"), specText: aSpec("mine") };

  it("exists exactly if its write commits", async () => {
    await using room = await aCatalog();
    const lost = new Write();
    expect(await room.catalog.registerApp(lost, given)).toMatchObject({ name: "mine", isValid: true });
    expect(await room.catalog.findApp(home, "mine")).toBeNull();
    const kept = new Write();
    await room.catalog.registerApp(kept, given);
    await kept.commit(room.store);
    expect(await room.catalog.getApp(home, "mine")).toMatchObject({ location: given.location, registeredBy: "ada@example.com" });
    const again = new Write();
    await room.catalog.registerApp(again, given);
    expect(again.isEmpty).toBe(true);
  });

  it("[A1] is not there for another workspace, and cannot be taken over by one", async () => {
    await using room = await aCatalog();
    const write = new Write();
    await room.catalog.registerApp(write, given);
    await write.commit(room.store);
    expect(await room.catalog.findApp(foreign, "mine")).toBeNull();
    await expect(room.catalog.getApp(foreign, "mine")).rejects.toMatchObject({ kind: "not_found", code: "app_not_found" });
    await expect(room.catalog.validateApp(foreign, "mine")).rejects.toMatchObject({ code: "app_not_found" });
    await expect(room.catalog.registerApp(new Write(), { ...given, workspace: foreign, actor: anActor(foreign) })).rejects.toMatchObject({
      code: "app_name_taken",
    });
    await expect(
      room.catalog.forgetApp(new Write(), { workspace: foreign, name: "mine" as AppName, actor: anActor(foreign) }),
    ).rejects.toMatchObject({ code: "app_not_found" });
    expect(await room.catalog.listApps(foreign)).toEqual([]);
  });

  it("of the apps directory stays there, and a registered one is not taken by the directory", async () => {
    await using room = await aCatalog();
    await room.apps.write("mine", aSpec("mine"));
    await room.catalog.scan();
    await expect(room.catalog.registerApp(new Write(), given)).rejects.toMatchObject({ code: "app_in_directory" });
    await expect(room.catalog.forgetApp(new Write(), { workspace: home, name: "mine" as AppName, actor: anActor() })).rejects.toMatchObject(
      { code: "app_in_directory" },
    );

    const write = new Write();
    await room.catalog.registerApp(write, { ...given, specText: aSpec("yours") });
    await write.commit(room.store);
    await room.apps.write("yours", aSpec("yours", "env: { X: y }\n"));
    await room.catalog.scan();
    expect(await room.catalog.getApp(home, "yours")).toMatchObject({
      location: given.location,
      findings: [{ severity: "warning", field: "name" }],
    });
    await rm(join(room.apps.path, "yours"), { recursive: true });
    await room.catalog.scan();
    expect((await room.catalog.getApp(home, "yours")).findings).toEqual([]);
  });

  it("is refused when its spec is wrong, with the findings", async () => {
    await using room = await aCatalog();
    await expect(room.catalog.registerApp(new Write(), { ...given, specText: "name: mine" })).rejects.toMatchObject({
      code: "infraspec_invalid",
      kind: "invalid",
      details: { findings: [{ field: "processes" }] },
    });
  });

  it("is registered by one of two who try at once", async () => {
    await using room = await aCatalog();
    const [mine, theirs] = [new Write(), new Write()];
    await room.catalog.registerApp(mine, given);
    await room.catalog.registerApp(theirs, { ...given, workspace: foreign, actor: anActor(foreign) });
    const ends = await Promise.allSettled([mine.commit(room.store), theirs.commit(room.store)]);
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(ends.find(({ status }) => status === "rejected")).toMatchObject({ reason: { kind: "conflict" } });
  });

  it("goes when it is forgotten", async () => {
    await using room = await aCatalog();
    for (const write of [new Write()]) {
      await room.catalog.registerApp(write, given);
      await write.commit(room.store);
    }
    const write = new Write();
    await room.catalog.forgetApp(write, { workspace: home, name: "mine" as AppName, actor: anActor() });
    await write.commit(room.store);
    expect(await room.catalog.listApps(home)).toEqual([]);
    expect(await room.actions()).toEqual(["app.registered app:mine", "app.forgotten app:mine"]);
  });
});
