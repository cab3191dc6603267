/** Example 03: an app with a Dockerfile, its failure, its way back, and a daemon that is away. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./command.ts";
import { anInstallation, type Installation, type Operation } from "./installation.ts";
import { baseImage, dockerHoldings, findNoDocker } from "./machine.ts";
import { aRepository, type Repository } from "./repository.ts";
import { whatIsWrong } from "./soundness.ts";

const noDocker = await findNoDocker();
if (noDocker) console.log(`skipped: an app in Docker (${noDocker})`);

const build = { BASE_IMAGE: baseImage, NORNS_BUILD_ENV: "BASE_IMAGE,npm_config_registry" };

describe.skipIf(noDocker)("an app with a Dockerfile", () => {
  let place: Installation;
  let repository: Repository;
  beforeAll(async () => {
    place = await anInstallation({ env: build });
    const path = join(place.desk, "boxed");
    await cp(join(root, "examples/03-docker"), path, { recursive: true });
    repository = await aRepository(path);
    await repository.commit({}, "As in the examples");
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  it("becomes an image and answers from a container under its name", { timeout: 60_000 }, async () => {
    const ran = await place.norns(["deploy"], { cwd: repository.path });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect((await place.visit("boxed.localhost")).body).toMatch(/^Hello from a container, release 1, commit [0-9a-f]{12}\n$/);
    expect((await place.norns(["logs", "boxed"])).stdout).toContain("listening on");
    expect((await place.norns(["health"])).stdout).toContain("docker");
    expect(await whatIsWrong(place)).toEqual([]);
  });

  it("goes on with the old container when the new image is broken, and says what it printed", { timeout: 60_000 }, async () => {
    await repository.commit({ "server.mjs": `console.error("cannot find the configuration"); process.exit(3);\n` });
    const crowd = place.keepVisiting("boxed.localhost", 50);
    const ran = await place.norns(["deploy"], { cwd: repository.path });
    const seen = await crowd.stop();
    expect(ran.code, ran.stdout).toBe(1);
    expect(ran.stdout).toContain("cannot find the configuration");
    expect(ran.stdout).toContain("stays in service");
    expect(seen.filter(({ status, body }) => status !== 200 || !body.includes("release 1"))).toEqual([]);
    expect(await whatIsWrong(place)).toEqual([]);
  });

  it("fails in its build with the build's own words", { timeout: 60_000 }, async () => {
    const dockerfile = await readFile(join(repository.path, "Dockerfile"), "utf8");
    await repository.commit({ Dockerfile: `${dockerfile}RUN echo "no such package" >&2 && exit 9\n` });
    const ran = await place.norns(["deploy"], { cwd: repository.path });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain("no such package");
    expect(ran.stdout).toMatch(/✕ build/);
    const original = await readFile(join(root, "examples/03-docker/server.mjs"), "utf8");
    await repository.commit({ Dockerfile: dockerfile, "server.mjs": original.replaceAll("Hello", "Welcome") });
  });

  it("is updated without a lost request, and rolled back without a build", { timeout: 90_000 }, async () => {
    const crowd = place.keepVisiting("boxed.localhost", 50);
    const ran = await place.norns(["deploy"], { cwd: repository.path });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect((await place.visit("boxed.localhost")).body).toMatch(/^Welcome/);
    const back = await place.norns(["rollback", "boxed", "--json"]);
    expect(back.json<Operation>().state).toBe("succeeded");
    expect((await place.visit("boxed.localhost")).body).toMatch(/^Hello from a container, release 1/);
    expect(await whatIsWrong(place)).toEqual([]);
    expect((await crowd.stop()).filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("is left alone by a restart of the server", { timeout: 60_000 }, async () => {
    const before = await dockerHoldings(place.home);
    expect(await place.server.stop()).toBe(0);
    await place.start();
    expect(await whatIsWrong(place)).toEqual([]);
    expect((await dockerHoldings(place.home)).containers.map(({ id }) => id)).toEqual(before.containers.map(({ id }) => id));
  });
});

describe("a Docker daemon that cannot be reached", () => {
  it("is named in one sentence, by the deployment and by health, and hurts no other app", { timeout: 60_000 }, async () => {
    await using place = await anInstallation({ env: { NORNS_DOCKER_SOCKET: "/nonexistent/docker.sock", ...build } });
    const path = join(place.desk, "boxed");
    await cp(join(root, "examples/03-docker"), path, { recursive: true });
    const repository = await aRepository(path);
    await repository.commit({}, "As in the examples");
    const ran = await place.norns(["deploy"], { cwd: path });
    expect(ran.code).toBe(1);
    expect(ran.stdout + ran.stderr).toContain("There is no Docker daemon on this machine. Install Docker, or start it");
    expect((await place.norns(["health"])).stdout).toMatch(/docker \(not available\)/);
    const hello = await place.norns(["deploy", "examples/01-hello"], { cwd: root });
    expect(hello.code, hello.stdout + hello.stderr).toBe(0);
    expect(await whatIsWrong(place)).toEqual([]);
  });
});
