/** Where images come from. */
import { type AppName, newId } from "@norns/kernel/ids";
import { afterAll, describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import type { Workload } from "../workload.ts";
import { aBench, signal, socket } from "./workload-fixtures.ts";
import { aHome, anEngine, aSource, baseImage, baseImageId, whyNoDocker } from "./fixtures.ts";
import { installationOf } from "./installation.ts";
import { createDaemon } from "./transport.ts";

const reason = await whyNoDocker();

describe.skipIf(reason !== undefined)(`docker: images${reason === undefined ? "" : ` (skipped: ${reason})`}`, async () => {
  const daemon = createDaemon(socket);
  afterAll(() => daemon.close());
  const { aWorkload, image, done } = await aBench("images", daemon);

  it("says that an image is gone", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workload: Workload = { ...aWorkload(), artifact: { kind: "image", image: `sha256:${"0".repeat(64)}` } };
    await expect(engine.apply(workload, { keepUp: true, signal })).rejects.toMatchObject({ code: "artifact_missing", kind: "invalid" });
    // The network was made for it; the next stop of the app, or its next apply, uses or removes it.
    await daemon.call("DELETE", `/networks/norns-${installationOf(home.path).slice(0, 8)}-${workload.app}`);
    await done(home.path, engine);
  });

  it("builds from the files that .dockerignore leaves, with the build's arguments, and refuses a Dockerfile that is not there", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, {
      "Dockerfile.app": `FROM ${baseImage}\nARG VERSION\nARG GREETING\nCOPY . /app\nRUN ls -A /app && echo "$VERSION $GREETING"\n`,
      ".dockerignore": "secret*\n!secret-not\n.dockerignore\nDockerfile.app\n",
      secret: "1",
      "secret-not": "2",
      kept: "3",
    });
    const printed: string[] = [];
    const request = {
      workspace: newId("WorkspaceId"),
      app: "images-build" as AppName,
      release: newId("ReleaseId"),
      source,
      commit: "c0ffee",
      env: { GREETING: "hello" },
      timeoutMs: 60_000,
      output: (_: unknown, chunk: Uint8Array) => printed.push(Buffer.from(chunk).toString()),
      signal,
    };
    const artifact = await engine.build({ ...request, dockerfile: "Dockerfile.app" });
    expect(artifact).toEqual({ kind: "image", image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(printed.join("")).toContain("kept\nsecret-not\n");
    expect(printed.join("")).toContain("c0ffee hello");
    await expect(engine.build({ ...request, release: newId("ReleaseId"), dockerfile: "Other" })).rejects.toMatchObject({
      code: "dockerfile_invalid",
    });
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });

  it("builds what only BuildKit understands, its arguments off the client's argv", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, {
      Dockerfile: `# syntax-less\nFROM ${baseImage}\nARG SECRETISH\nRUN --mount=type=cache,target=/cache echo "$SECRETISH" > /made && echo ${Date.now()} && cat /proc/version > /cache/x\n`,
    });
    const printed: string[] = [];
    const request = {
      workspace: newId("WorkspaceId"),
      app: "images-build" as AppName,
      release: newId("ReleaseId"),
      source,
      commit: "c",
      env: { SECRETISH: "of-the-build", DOCKER_HOST: "tcp://evil" },
      timeoutMs: 60_000,
      output: (_: unknown, chunk: Uint8Array) => printed.push(Buffer.from(chunk).toString()),
      signal,
    };
    const artifact = await engine.build(request);
    expect(artifact).toEqual({ kind: "image", image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(await engine.build(request)).toEqual(artifact);
    expect(printed.join("")).toContain("RUN --mount=type=cache");
    await engine.removeArtifact(artifact);
    const failing = await aSource(home.path, {
      Dockerfile: `FROM ${baseImage}\nRUN --mount=type=cache,target=/cache echo the reason && exit 4\n`,
    });
    await expect(engine.build({ ...request, release: newId("ReleaseId"), source: failing })).rejects.toMatchObject({
      code: "command_failed",
      kind: "invalid",
    });
    expect(printed.join("")).toContain("the reason");
    await done(home.path, engine);
  });

  it("ends a build that takes too long, and one that is given up", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nRUN echo begun ${Date.now()} && sleep 60\n` });
    const request = {
      workspace: newId("WorkspaceId"),
      app: "images-build" as AppName,
      release: newId("ReleaseId"),
      source,
      commit: "c",
      env: {},
      output: () => {},
      signal,
    };
    await expect(engine.build({ ...request, timeoutMs: 1500 })).rejects.toMatchObject({ code: "command_timed_out", kind: "invalid" });
    const giveUp = new AbortController();
    const building = engine.build({
      ...request,
      timeoutMs: 60_000,
      output: (_, chunk) => Buffer.from(chunk).includes("begun") && giveUp.abort(new Error("gave up")),
      signal: giveUp.signal,
    });
    await expect(building).rejects.toThrow("gave up");
    const running = () => daemon.call<readonly { Command: string }[]>("GET", "/containers/json");
    await until("the build's containers to end", async () => !(await running()).some(({ Command }) => Command.includes("sleep 60")));
    await done(home.path, engine);
  });

  it("uses an image that is there already, by its digest, and leaves it there", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const request = {
      workspace: newId("WorkspaceId"),
      app: "images-image" as AppName,
      release: newId("ReleaseId"),
      source: home.path,
      commit: "c",
      env: {},
      timeoutMs: 30_000,
      output: () => {},
      signal,
    };
    expect(await engine.build({ ...request, image: baseImage })).toEqual({ kind: "image", image });
    await engine.removeArtifact({ kind: "image", image });
    expect(await baseImageId()).toBe(image);
    expect((await daemon.call<{ RepoTags: string[] }>("GET", `/images/${image}/json`)).RepoTags).not.toContain(
      `norns/images-image:${request.release}`,
    );
    await expect(engine.build({ ...request, release: newId("ReleaseId"), image: "norns.invalid/nothing:1" })).rejects.toThrow();
    await done(home.path, engine);
  });
});
