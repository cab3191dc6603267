/** A deployment on Docker, git excluded, against the same by hand: build, run, and the same probe until it is healthy. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { probeOnce } from "@norns/adapters/engines/health";
import { freePort } from "../programs/server/testing.ts";
import { atMost, median, type Benchmark } from "./measure.ts";
import { anAppsDirectory, commit, copyExample, deploy, ourServer, untilListed } from "./server.ts";

const docker = (...args: string[]) => promisify(execFile)("docker", args, { maxBuffer: 10_000_000 });
const base = process.env["BASE_IMAGE"] ?? "norns-base:node24";
const rounds = 4;
const allowanceMs = 600;

export const deployDocker: Benchmark = {
  name: "deploy-docker",
  about: "a deployment on Docker against docker build, docker run and the probe by hand",
  async missing() {
    const hasSocket = await access("/var/run/docker.sock").then(() => true, () => false); // prettier-ignore
    if (!hasSocket) return "there is no Docker daemon at /var/run/docker.sock";
    const hasImage = await docker("image", "inspect", base).then(() => true, () => false); // prettier-ignore
    return hasImage ? undefined : `there is no image ${base} (set BASE_IMAGE to one with Node)`;
  },
  async run() {
    await using apps = await anAppsDirectory();
    const names = Array.from({ length: rounds + 1 }, (_, round) => `bench-${process.pid}-${round}`);
    const directories = await Promise.all(names.map((name) => copyExample("03-docker", apps.path, name)));
    await using server = await ourServer({
      env: { NORNS_APPS_DIR: apps.path, BASE_IMAGE: base, NORNS_BUILD_ENV: "BASE_IMAGE,npm_config_registry" },
    });
    const ours: number[] = [];
    const byHand: number[] = [];
    const parts: Record<string, number[]> = {};
    try {
      for (const [round, name] of names.entries()) {
        await untilListed(server, name);
        // Nothing of this commit is in a cache, for either side: each builds its own file in.
        await commit(directories[round]!, `ours ${name}`);
        const mine = await deploy(server, name, 120_000);
        await commit(directories[round]!, `by hand ${name}`);
        const theirs = await handMade(directories[round]!, name);
        if (round === 0) continue;
        ours.push(mine.wallMs - (mine.steps["clone"] ?? 0));
        byHand.push(theirs.total);
        for (const [part, ms] of Object.entries({
          ...mine.steps,
          "by hand build": theirs.build,
          "by hand run": theirs.run,
          "by hand probe": theirs.probe,
        }))
          (parts[part] ??= []).push(ms);
      }
    } finally {
      await removeAll(names);
    }
    const note = Object.entries(parts)
      .map(([step, ms]) => `${step} ${median(ms).toFixed(0)}`)
      .join(", ");
    return [
      {
        ...atMost("deploy, Docker, without git", median(ours), median(byHand) + allowanceMs, "ms", `≤ by hand + ${allowanceMs} ms`),
        note: `medians in ms: ${note}`,
      },
    ];
  },
};

async function handMade(directory: string, name: string): Promise<{ total: number; build: number; run: number; probe: number }> {
  const [image, container] = [`${name}-hand`, `${name}-hand`];
  const port = await freePort();
  const started = performance.now();
  await docker("build", "-q", "--build-arg", `BASE_IMAGE=${base}`, "-t", image, directory);
  const built = performance.now();
  await docker("run", "-d", "--name", container, "-p", `127.0.0.1:${port}:3000`, "-e", "PORT=3000", image);
  const running = performance.now();
  // As deployments wait: two good answers in a row, with pauses that grow from 25 ms.
  let good = 0;
  for (let pause = 25; good < 2; pause = Math.min(pause * 1.5, 500)) {
    const look = await probeOnce({ host: "127.0.0.1", port }, { path: "/health", timeoutMs: 5_000 }, AbortSignal.timeout(30_000));
    good = look.healthy ? good + 1 : 0;
    if (good < 2) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  const healthy = performance.now();
  return { total: healthy - started, build: built - started, run: running - built, probe: healthy - running };
}

/** Containers, images and networks of these apps, whichever side made them. */
async function removeAll(names: readonly string[]): Promise<void> {
  const lines = async (...args: string[]) => (await docker(...args)).stdout.split("\n").filter(Boolean);
  const mine = (text: string) => names.some((name) => text.includes(name));
  const pick = (found: string[]) => found.filter(mine).map((line) => line.split(" ")[0]!);
  const containers = pick(await lines("ps", "-a", "--format", '{{.ID}} {{.Names}} {{.Label "norns.app"}}'));
  if (containers.length > 0) await docker("rm", "-f", ...containers);
  const images = pick(await lines("images", "--format", "{{.Repository}}:{{.Tag}}"));
  if (images.length > 0) await docker("rmi", "-f", ...images);
  const networks = pick(await lines("network", "ls", "--format", '{{.ID}} {{.Name}} {{.Label "norns.app"}}'));
  if (networks.length > 0) await docker("network", "rm", ...networks);
}
