/** Holds boundaries.ts against the code. Each violation names the file to open and the rule. */
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import {
  buildsOn,
  composers,
  isTestFile,
  layers,
  ports,
  sharedByAdapters,
  sharedDoors,
  workersSafeNode,
  type Layer,
} from "../../boundaries.ts";
import { importsOf } from "./imports.ts";
import { sourceFiles } from "./source-files.ts";

interface PackageDoors {
  readonly folder: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** Which folder and which file each `@norns/…` door leads to. */
function readDoors(root: string): Map<string, PackageDoors> {
  const doors = new Map<string, PackageDoors>();
  for (const folder of ["kernel", "adapters", "capabilities", "client", "programs/server", "programs/cli"]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
      name: string;
      exports?: Record<string, string>;
    };
    doors.set(manifest.name, { folder, exports: manifest.exports ?? {} });
  }
  return doors;
}

const layerOf = (path: string): Layer => layers.find((layer) => layer.folder === "" || path.startsWith(`${layer.folder}/`))!;

/** The room of a path inside a layer with rooms: `deployments`. */
const roomOf = (path: string, layer: Layer): string => path.slice(layer.folder.length + 1).split("/")[0]!;

/** The port and the adapter of a path: `engines` and `docker`, or `engines` alone for what all its adapters share. */
function adapterOf(path: string): { port: string; adapter: string | undefined } {
  const [, port = "", ...rest] = path.split("/");
  const folder = rest.length > 1 ? rest[0] : undefined;
  return { port, adapter: folder !== undefined && !sharedByAdapters.includes(`adapters/${port}/${folder}`) ? folder : undefined };
}

/** Of another port only the port itself; of the same port everything but another adapter. */
function judgeAdapters(path: string, target: string): string | undefined {
  const mine = adapterOf(path);
  const theirs = adapterOf(target);
  if (mine.port !== theirs.port)
    return /\/(port|workload|index)\.ts$/.test(target) && !theirs.adapter
      ? undefined
      : `${mine.port} may know only the port of ${theirs.port}`;
  if (theirs.adapter === undefined || theirs.adapter === mine.adapter) return undefined;
  if (mine.adapter === undefined) return `what all ${mine.port} share may not know the adapter ${theirs.adapter}`;
  return buildsOn.some(
    ([upper, lower]) => upper === `adapters/${mine.port}/${mine.adapter}` && lower === `adapters/${theirs.port}/${theirs.adapter}`,
  )
    ? undefined
    : `the adapter ${mine.adapter} may not know the adapter ${theirs.adapter}`;
}

export async function checkBorders(root: string): Promise<string[]> {
  const doors = readDoors(root);
  const problems: string[] = [];
  for (const path of sourceFiles(root)) {
    const from = layerOf(path);
    const isTest = isTestFile(path);
    for (const { specifier, line } of await importsOf(join(root, path))) {
      const problem = judge({ root, path, specifier, from, isTest, doors });
      if (problem) problems.push(`${path}:${line} imports ${specifier}: ${problem}`);
    }
  }
  return problems;
}

interface Case {
  readonly root: string;
  readonly path: string;
  readonly specifier: string;
  readonly from: Layer;
  readonly isTest: boolean;
  readonly doors: Map<string, PackageDoors>;
}

function judge({ root, path, specifier, from, isTest, doors }: Case): string | undefined {
  if (specifier.startsWith("node:"))
    return from.isWorkersSafe && !isTest && !workersSafeNode.includes(specifier)
      ? `${from.folder} runs on Workers too; of Node only ${workersSafeNode.join(", ")} (boundaries.ts)`
      : undefined;

  const target = targetOf({ root, path, specifier, doors });
  if (target === undefined) return undefined;
  if (target === "closed") return "the package has no such door (see `exports` in its package.json)";
  if (isTest) return undefined;

  const to = layerOf(target);
  if (to.name !== from.name) {
    if (sharedDoors.some((shared) => shared.door === specifier && shared.to.includes(from.name))) return undefined;
    if (!from.mayImport.includes(to.name)) return `${from.name} may not import ${to.name} (boundaries.ts)`;
    if (specifier.startsWith(".") && from.name !== "scripts") return `use the package's name, not a path out of ${from.folder}`;
  }
  if (to.name === "adapters" && from.name !== "adapters") {
    const isComposer = composers.some((composer) => path.startsWith(composer));
    if (!isComposer && from.name !== "scripts" && !ports.includes(specifier))
      return `only ${composers.join(" and ")} name a concrete adapter; import its port`;
  }
  if (to.name === from.name && to.hasRooms && specifier.startsWith(".")) {
    if (from.name === "adapters") return judgeAdapters(path, target);
    const mine = roomOf(path, from);
    const theirs = roomOf(target, to);
    if (mine !== theirs) return `room ${mine} reaches into ${theirs}; use its door`;
  }
  return undefined;
}

/** The file an import leads to, from the root; undefined for packages from npm; "closed" for a door that is not there. */
function targetOf({ root, path, specifier, doors }: Omit<Case, "from" | "isTest">): string | undefined {
  if (specifier.startsWith(".")) return relative(root, normalize(join(root, dirname(path), specifier)));
  const [scope, name, ...rest] = specifier.split("/");
  const found = doors.get(`${scope}/${name}`);
  if (!found) return undefined;
  const door = found.exports[rest.length === 0 ? "." : `./${rest.join("/")}`];
  return door === undefined ? "closed" : join(found.folder, door);
}
