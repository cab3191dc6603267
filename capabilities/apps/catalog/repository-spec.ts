/** Reads the infraspec that a repository itself brings. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { SourceLocation, Sources } from "@norns/adapters/sources";
import { invalid } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import { specFile } from "./directory.ts";
import { maxBytes } from "./infraspec/yaml-text.ts";

export interface RepositorySpecDeps {
  readonly sources: Sources;
  /** A directory of ours for check-outs that live a moment. */
  readonly scratchDir: string;
}

/** The text of infraspec.yaml at the branch's head. Throws what `Sources` throws, and `infraspec_missing` (invalid). */
export async function readRepositorySpec(deps: RepositorySpecDeps, location: SourceLocation, signal: AbortSignal): Promise<string> {
  // The mirror is filed under a name of its own: which app it is will only be known when the spec has been read.
  const unnamed = "registration" as AppName;
  const source = await deps.sources.resolve(unnamed, location, "HEAD", signal);
  const directory = await mkdtemp(join(deps.scratchDir, "register-"));
  try {
    const target = join(directory, "source");
    await deps.sources.checkOut(unnamed, source, target, signal);
    const file = join(target, specFile);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile())
      throw invalid(
        "infraspec_missing",
        `The repository has no ${specFile} at its root. \`norns init\` writes one; or send one with the request.`,
      );
    if (found.size > maxBytes) throw invalid("infraspec_invalid", `The repository's ${specFile} is larger than ${maxBytes / 1024} KB.`);
    return await readFile(file, "utf8");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
