// Bundles the command `norns` (npm's `prepare`): an entry and chunks, for any Node from 18 on. Plain JavaScript, because
// it runs before Node 24 is at hand.
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { build } = await import("esbuild").catch(() => ({ build: undefined }));
if (!build) {
  // A production install has no bundler; it carries the bundle.
  process.exit(0);
}
const outdir = join(root, "programs/cli/dist");
const draft = `${outdir}.${process.pid}`;
await build({
  entryPoints: { norns: join(root, "programs/cli/main.ts") },
  outdir: draft,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node18",
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  // Half the text to read at every start; names stay, so that a stack still says where.
  minifyWhitespace: true,
  minifySyntax: true,
  // Its build for Node is CommonJS that asks for "process" by `require`, which a bundle of modules does not have; the other
  // one is modules, and only what is used of it gets into the bundle.
  alias: { yaml: join(root, "node_modules/yaml/browser/index.js") },
  logLevel: "warning",
});
// Built beside and changed in one moment, so that a command that somebody starts meanwhile finds one or the other.
await rename(outdir, `${draft}.old`).catch((error) => {
  if (error.code !== "ENOENT") throw error;
});
await rename(draft, outdir);
await rm(`${draft}.old`, { recursive: true, force: true });
