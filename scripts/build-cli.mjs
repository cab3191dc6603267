// Bundles the command `norns` (npm's `prepare`): an entry and chunks, for any Node from 18 on. Plain JavaScript, because
// it runs before Node 24 is at hand.
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { build } = await import("esbuild").catch(() => ({ build: undefined }));
if (!build) {
  // A production install has no bundler; it carries the bundle.
  process.exit(0);
}
const outdir = join(root, "programs/cli/dist");
await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: { norns: join(root, "programs/cli/main.ts") },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node18",
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  // `process.getBuiltinModule` came with Node 20.16 and 22.3.
  banner: {
    js: 'import { createRequire as nornsCreateRequire } from "node:module"; process.getBuiltinModule ??= nornsCreateRequire(import.meta.url);',
  },
  // Its build for Node is CommonJS that asks for "process" by `require`, which a bundle of modules does not have; the other
  // one is modules, and only what is used of it gets into the bundle.
  alias: { yaml: join(root, "node_modules/yaml/browser/index.js") },
  logLevel: "warning",
});
