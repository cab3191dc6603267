/** Writes the documents that are drawn from the code's own tables; `--check` only says whether they are up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderInfraspecDocument } from "../capabilities/apps/catalog/infraspec/document.ts";
import { renderStates } from "../kernel/ledger/render-states.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const documents = [
  { path: "docs/infraspec.md", render: renderInfraspecDocument },
  { path: "docs/operation-states.md", render: renderStates },
];

for (const { path, render } of documents) {
  const wanted = render();
  if (!process.argv.includes("--check")) writeFileSync(join(root, path), wanted);
  else if (readFileSync(join(root, path), "utf8") !== wanted) {
    console.error(`${path} differs from the table it is drawn from: \`npm run check -- documents --fix\``);
    process.exitCode = 1;
  }
}
