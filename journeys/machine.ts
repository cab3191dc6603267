/** What the machine has of one installation: processes, ports they listen on, and what a Docker daemon holds. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

export interface Process {
  readonly pid: number;
  readonly command: string;
  readonly kind: "supervisor" | "postgres" | "instance" | "other";
  /** Of an instance: its id. */
  readonly instance?: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Gone meanwhile, or not ours to read.
  }
};

const follow = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
};

/** Every living process that names the home, stands in it, or carries its mark. Not this one. */
export function processesOf(home: string): Process[] {
  const node = read(join(home, "node")).trim();
  const found: Process[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const folder = `/proc/${name}`;
    const command = read(`${folder}/cmdline`).replaceAll("\0", " ").trim();
    const environment = read(`${folder}/environ`).split("\0");
    const value = (key: string): string | undefined => environment.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
    const isMarked = node !== "" && value("NORNS_SUPERVISOR") === node;
    const isHere = command.includes(home) || value("NORNS_HOME") === home || `${follow(`${folder}/cwd`)}/`.startsWith(`${home}/`);
    if (!isMarked && !isHere) continue;
    const state = /^\d+ \(.*\) (\S)/s.exec(read(`${folder}/stat`))?.[1];
    if (state === undefined || state === "Z" || state === "X") continue;
    const instance = isMarked ? value("NORNS_INSTANCE") : undefined;
    const kind = instance
      ? "instance"
      : command.includes("supervisor/main")
        ? "supervisor"
        : /postgres/.test(command.split(" ")[0] ?? "")
          ? "postgres"
          : "other";
    found.push({ pid: Number(name), command: command.slice(0, 200), kind, ...(instance ? { instance } : {}) });
  }
  return found;
}

export const pidOf = (home: string, kind: "supervisor" | "postgres"): number | undefined =>
  kind === "supervisor"
    ? processesOf(home).find((one) => one.kind === "supervisor")?.pid
    : Number(read(join(home, "postgres", "data", "postmaster.pid")).split("\n")[0]) || undefined;

/** TCP ports that these processes listen on. */
export function portsOf(pids: readonly number[]): number[] {
  const listening = new Map<string, number>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"])
    for (const line of read(file).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === "0A") listening.set(fields[9]!, Number.parseInt(fields[1]!.split(":").at(-1)!, 16));
    }
  const ports = new Set<number>();
  for (const pid of pids) {
    let names: string[];
    try {
      names = readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue;
    }
    for (const name of names) {
      const inode = /^socket:\[(\d+)\]$/.exec(follow(`/proc/${pid}/fd/${name}`))?.[1];
      const port = inode === undefined ? undefined : listening.get(inode);
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].toSorted((left, right) => left - right);
}

const socketPath = "/var/run/docker.sock";

function askDocker<Answer>(method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, timeout: 30_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => {
        if ((answer.statusCode ?? 500) >= 400 && answer.statusCode !== 404)
          reject(new Error(`Docker ${method} ${path}: ${answer.statusCode} ${text}`));
        else resolve((text === "" || answer.statusCode === 404 ? undefined : JSON.parse(text)) as Answer);
      });
    });
    sent.on("timeout", () => sent.destroy(new Error("Docker did not answer")));
    sent.on("error", reject);
    sent.end();
  });
}

/** Why there is no Docker here for journeys; undefined when there is, with the base image that example 03 is built on. */
export async function findNoDocker(): Promise<string | undefined> {
  try {
    const image = await askDocker<object | undefined>("GET", `/images/${encodeURIComponent(baseImage)}/json`);
    return image ? undefined : `the image ${baseImage} is not there`;
  } catch (error) {
    return `no Docker daemon answers (${(error as Error).message})`;
  }
}

/** An image with Node 24 that needs no registry. */
export const baseImage = process.env["NORNS_TEST_BASE_IMAGE"] ?? "norns-base:node24";

export interface DockerHoldings {
  readonly containers: readonly { readonly id: string; readonly labels: Readonly<Record<string, string>>; readonly state: string }[];
  readonly networks: readonly string[];
  readonly images: readonly string[];
}

/** What the daemon holds of this home. Nothing when the home never used Docker. */
export async function dockerHoldings(home: string): Promise<DockerHoldings> {
  const installation = read(join(home, "docker", "installation")).trim();
  if (installation === "" || (await findNoDaemon())) return { containers: [], networks: [], images: [] };
  const filters = encodeURIComponent(JSON.stringify({ label: [`norns.installation=${installation}`] }));
  const [containers, networks, images] = await Promise.all([
    askDocker<{ Id: string; Labels: Record<string, string>; State: string }[]>("GET", `/containers/json?all=1&filters=${filters}`),
    askDocker<{ Name: string }[]>("GET", `/networks?filters=${filters}`),
    askDocker<{ Id: string }[]>("GET", `/images/json?filters=${filters}`),
  ]);
  return {
    containers: containers.map(({ Id, Labels, State }) => ({ id: Id, labels: Labels, state: State })),
    networks: networks.map(({ Name }) => Name),
    images: images.map(({ Id }) => Id),
  };
}

const findNoDaemon = (): Promise<boolean> =>
  askDocker("GET", "/version").then(
    () => false,
    () => true,
  );

/** Removes it all: tests leave nothing, however they end. */
export async function removeDockerHoldings(home: string): Promise<void> {
  const { containers, networks, images } = await dockerHoldings(home);
  for (const { id } of containers) await askDocker("DELETE", `/containers/${id}?force=1&v=1`);
  for (const name of networks) await askDocker("DELETE", `/networks/${encodeURIComponent(name)}`);
  for (const id of images) await askDocker("DELETE", `/images/${id}?force=1`);
}
