/** The TypeScript files of the project: tracked by git or new and not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export function sourceFiles(root: string): string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.ts", "*.tsx"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split("\0"))].filter(
    (path) => path !== "" && !path.startsWith("examples/") && !path.endsWith(".d.ts") && existsSync(join(root, path)),
  );
}
