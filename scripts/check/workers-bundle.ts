/**
 * The Workers-safe layers are bundled for Workers and the bundle answers a request in workerd: what only looks portable
 * fails here. The entry imports every door of the kernel and of identity.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { workersSafeNode } from "../../boundaries.ts";

export async function checkWorkersBundle(root: string): Promise<string[]> {
  const doors = [...doorsOf(root, "kernel"), ...doorsOf(root, "capabilities").filter((door) => door.includes("/identity/"))];
  const entry = [
    ...doors.map((door, index) => `import * as door${index} from ${JSON.stringify(door)};`),
    `const doors = { ${doors.map((door, index) => `${JSON.stringify(door)}: door${index}`).join(", ")} };`,
    `export default { fetch: () => Response.json(Object.fromEntries(Object.entries(doors).map(([name, door]) => [name, Object.keys(door).length]))) };`,
  ].join("\n");
  try {
    const bundle = await build({
      stdin: { contents: entry, resolveDir: join(root, "capabilities"), loader: "ts" },
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      conditions: ["workerd", "worker", "browser"],
      external: [...workersSafeNode],
      target: "es2024",
      logLevel: "silent",
    });
    const worker = new Miniflare({
      modules: true,
      script: bundle.outputFiles[0]!.text,
      compatibilityDate: "2026-07-01",
      compatibilityFlags: ["nodejs_compat"],
    });
    try {
      const answer = (await (await worker.dispatchFetch("http://localhost/")).json()) as Record<string, number>;
      return doors.filter((door) => answer[door] === undefined).map((door) => `${door} did not load in workerd`);
    } finally {
      await worker.dispose();
    }
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  }
}

function doorsOf(root: string, folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, string>;
  };
  return Object.keys(manifest.exports).map((door) => `${manifest.name}${door.slice(1)}`);
}
