/**
 * Holds docs/attacks.md against the tests. A test that is about an attack has its id in the title, `[W2]`; the last column
 * of the table is drawn from those titles. A row without a test fails unless it says that its part is not built.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sourceFiles } from "./source-files.ts";

const file = "docs/attacks.md";
const rowShape = /^\| ([A-Z]\d+) \| (.+?) \| (.+?) \|(.*)\|$/;
const notBuilt = "Not built:";

/** Which test files name which attack in a title. */
function testsById(root: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const path of sourceFiles(root)) {
    if (!/(\.test\.ts|conformance\.ts|\/conformance\/[^/]+\.ts)$/.test(path)) continue;
    for (const line of readFileSync(join(root, path), "utf8").split("\n")) {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
      // Within quotes: a title, or a row of a table of titles.
      for (const [text] of line.matchAll(/(["'`])(?:\\.|(?!\1).)*\1/g))
        for (const [, id] of text.matchAll(/\[([A-Z]\d{1,2})\]/g)) {
          const files = found.get(id!) ?? new Set();
          found.set(id!, files.add(path));
        }
    }
  }
  return found;
}

export function checkAttacks(root: string, { isFix }: { isFix: boolean }): string[] {
  const tests = testsById(root);
  const problems: string[] = [];
  const rows = new Set<string>();
  const text = readFileSync(join(root, file), "utf8");
  const wanted = text
    .split("\n")
    .map((line) => {
      const row = rowShape.exec(line);
      if (!row) return line;
      const [, id, attack, defence] = row as unknown as [string, string, string, string];
      if (rows.has(id)) problems.push(`${file}: ${id} has two rows`);
      rows.add(id);
      const files = [...(tests.get(id) ?? [])].sort();
      const isBuilt = !defence.startsWith(notBuilt);
      if (isBuilt && files.length === 0)
        problems.push(
          `${file}: ${id} has no test: give one a title with [${id}], or say "${notBuilt} …" if there is nothing to attack yet`,
        );
      if (!isBuilt && files.length > 0) problems.push(`${file}: ${id} says it is not built, and ${files[0]} tests it`);
      for (const [, path] of defence.matchAll(/`([a-z][\w./-]+\/[\w./-]+)`/g))
        if (!existsSync(join(root, path!))) problems.push(`${file}: ${id} names ${path}, which is not there`);
      return `| ${id} | ${attack} | ${defence} | ${files.map((path) => `\`${path}\``).join("<br>") || "none"} |`;
    })
    .join("\n");
  for (const [id, files] of tests)
    if (!rows.has(id)) problems.push(`${[...files][0]}: its title names [${id}], which has no row in ${file}`);
  if (problems.length === 0 && wanted !== text) {
    if (isFix) writeFileSync(join(root, file), wanted);
    else problems.push(`${file}: the column of tests is not what the titles say; \`npm run check -- attacks --fix\` draws it`);
  }
  return problems;
}
