/** Holds boundaries.ts against the code. Each violation names the file to open and the rule. */
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { composers, isTestFile, layers, ports, sharedDoors, workersSafeNode, type Layer } from "../../boundaries.ts";
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

/** The room of a path inside a layer with rooms: `deployments`, `engines/docker`. */
function roomOf(path: string, layer: Layer): string {
  return path.slice(layer.folder.length + 1).split("/")[0]!;
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
      return `only ${composers[0]} names a concrete adapter; import its port`;
  }
  if (to.name === from.name && to.hasRooms && specifier.startsWith(".")) {
    const mine = roomOf(path, from);
    const theirs = roomOf(target, to);
    if (mine !== theirs && from.name !== "adapters") return `room ${mine} reaches into ${theirs}; use its door`;
    if (from.name === "adapters" && mine !== theirs && !/\/port\.ts$/.test(target)) return `${mine} may know only the port of ${theirs}`;
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
