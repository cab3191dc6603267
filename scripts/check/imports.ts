/** Reads the import statements of a source file, type imports and `import()` of a literal included. */
import { readFile } from "node:fs/promises";
import { parseSync } from "oxc-parser";

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

export async function importsOf(path: string): Promise<Import[]> {
  const text = await readFile(path, "utf8");
  const { module } = parseSync(path, text);
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
  const found: Import[] = [];
  for (const statement of module.staticImports) found.push({ specifier: statement.moduleRequest.value, line: lineAt(statement.start) });
  for (const statement of module.staticExports)
    for (const entry of statement.entries)
      if (entry.moduleRequest) found.push({ specifier: entry.moduleRequest.value, line: lineAt(statement.start) });
  for (const dynamic of module.dynamicImports) {
    const literal = /^["'`]([^"'`$]+)["'`]$/.exec(text.slice(dynamic.moduleRequest.start, dynamic.moduleRequest.end));
    if (literal) found.push({ specifier: literal[1]!, line: lineAt(dynamic.start) });
  }
  // `import("…").Name` in a type position is not in the module record.
  for (const match of text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)\s*[.[]/g))
    found.push({ specifier: match[1]!, line: lineAt(match.index) });
  return found;
}
