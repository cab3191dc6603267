/** Keeps the drawn part of ARCHITECTURE.md equal to boundaries.ts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layers } from "../../boundaries.ts";

const begin = "<!-- layers: drawn from boundaries.ts by `npm run check -- --fix` -->";
const end = "<!-- /layers -->";

function draw(): string {
  const rows = layers
    .filter((layer) => layer.folder !== "")
    .map(
      (layer) =>
        `| \`${layer.folder}/\` | ${layer.purpose} | ${layer.mayImport.join(", ") || "nothing of ours"} | ${layer.isWorkersSafe ? "yes" : ""} |`,
    );
  return ["| folder | what it is | may import | also on Workers |", "|---|---|---|---|", ...rows].join("\n");
}

export function checkArchitecture(root: string, { isFix }: { isFix: boolean }): string[] {
  const path = join(root, "ARCHITECTURE.md");
  const text = readFileSync(path, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < 0) return [`ARCHITECTURE.md: the marks "${begin}" and "${end}" are missing`];
  const wanted = `${text.slice(0, from)}${begin}\n${draw()}\n${text.slice(to)}`;
  if (wanted === text) return [];
  if (!isFix) return ["ARCHITECTURE.md: the table of layers differs from boundaries.ts; `npm run check -- architecture --fix` draws it"];
  writeFileSync(path, wanted);
  return [];
}
