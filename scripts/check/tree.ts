/** Rules of the tree itself: names that say nothing, wildcard doors, source files too long for one reading. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isTestFile } from "../../boundaries.ts";
import { sourceFiles } from "./source-files.ts";

const emptyNames = /^(utils?|helpers?|common|lib|misc|manager|types|shared|stuff)$/;
const longest = 400;

export function checkTree(root: string): string[] {
  const problems: string[] = [];
  for (const path of sourceFiles(root)) {
    const parts = path.replace(/\.(test\.)?tsx?$/, "").split("/");
    const vague = parts.find((part) => emptyNames.test(part));
    if (vague) problems.push(`${path}: "${vague}" names nothing; name the thing (docs/words.md)`);
    if (!/^[a-z0-9.-]+$/.test(basename(path))) problems.push(`${path}: file names are kebab-case`);
    const text = readFileSync(join(root, path), "utf8");
    const lines = text.split("\n").length;
    if (lines > longest && !isTestFile(path)) problems.push(`${path}: ${lines} lines; make it a folder of its name (at most ${longest})`);
    if (/\bTODO\b|\bFIXME\b/.test(text) && !path.startsWith("scripts/check/"))
      problems.push(`${path}: an unfinished note; finish it or record it in docs`);
    if (/@ts-(ignore|nocheck|expect-error)/.test(text) && !path.startsWith("scripts/check/"))
      problems.push(`${path}: a type error is silenced`);
    if (/shell:\s*true/.test(text) && !path.startsWith("scripts/check/")) problems.push(`${path}: a shell; use an argv array`);
  }
  for (const folder of ["kernel", "adapters", "capabilities", "client", "programs/server", "programs/cli"]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
      exports?: Record<string, string>;
      dependencies?: Record<string, string>;
    };
    for (const [door, file] of Object.entries(manifest.exports ?? {}))
      if (door.includes("*") || file.includes("*")) problems.push(`${folder}/package.json: wildcard door ${door}`);
    for (const [name, version] of Object.entries(manifest.dependencies ?? {}))
      if (!/^\d/.test(version)) problems.push(`${folder}/package.json: ${name} is not pinned (${version})`);
  }
  return problems;
}
