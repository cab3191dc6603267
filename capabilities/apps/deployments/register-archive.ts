import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { By } from "@norns/capabilities/apps/start-audited";
import { Write } from "@norns/kernel/database";
import { conflict, invalid, NornsError } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";
import { specNameDiffers } from "./errors.ts";
import { shortCommit } from "./release.ts";
import { parseInfraspec } from "@norns/capabilities/apps/catalog";

export interface Upload {
  readonly app: AppName;
  readonly commit: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

const largestSpecBytes = 1024 * 1024;
/** How often one upload may be overtaken by another of the same app: some people and a build server, not a crowd. */
const attempts = 10;

/**
 * Keeps a tar of one commit and registers the app that its infraspec.yaml describes, or its new source. The name is
 * looked at before the upload is read: nobody fills the disk under another workspace's name.
 */
export async function registerArchive(
  deps: VerbDeps,
  { workspace, actor, requestId }: By,
  upload: Upload,
): Promise<{ app: AppName; commit: string; isNew: boolean }> {
  const { app: name, commit, signal } = upload;
  const known = await deps.catalog.findApp(workspace, name);
  if (!known && (await deps.catalog.listEveryApp()).some((app) => app.name === name))
    throw conflict("app_name_taken", `The name ${name} is taken. Choose another \`name:\` in infraspec.yaml.`, { details: { app: name } });

  const location = await deps.sources.keepArchive(name, commit, upload.body, signal);
  const specText = await specTextIn(deps, name, location, commit, signal);
  const { spec, findings } = parseInfraspec(specText);
  if (spec && spec.name !== name) throw specNameDiffers(name, spec.name, shortCommit(commit));
  if (!spec) {
    const first = findings.find(({ severity }) => severity === "error");
    throw invalid(
      "infraspec_invalid",
      `The infraspec.yaml is not valid${first ? `: ${first.line ? `line ${first.line}, ` : ""}${first.field} ${first.message.replace(/\.$/, "")}` : ""}. Run: norns validate.`,
      {
        details: { app: name, findings },
      },
    );
  }

  for (let attempt = 1; ; attempt++) {
    const write = new Write();
    // Looks at the app as it is now: of two who send at once the second finds what the first wrote.
    await deps.catalog.registerApp(write, { workspace, actor, location, specText });
    try {
      await write.commit(deps.store);
      break;
    } catch (error) {
      const wasOvertaken = error instanceof NornsError && (error.code === "guard_failed" || error.code === "unique_violation");
      if (!wasOvertaken || attempt === attempts) throw error;
    }
  }
  deps.log.info({ app: name, commit, requestId }, "A source was registered.");
  return { app: name, commit, isNew: known === null };
}

async function specTextIn(
  deps: VerbDeps,
  app: AppName,
  location: Awaited<ReturnType<VerbDeps["sources"]["keepArchive"]>>,
  commit: string,
  signal: AbortSignal,
): Promise<string> {
  const work = join(deps.home, "work");
  await mkdir(work, { recursive: true, mode: 0o711 });
  const directory = await mkdtemp(join(work, "upload-"));
  try {
    const tree = join(directory, "source");
    await mkdir(tree);
    await deps.sources.checkOut(app, { location, ref: "HEAD", commit, isDirty: false }, tree, signal);
    const path = join(tree, "infraspec.yaml");
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (!found?.isFile() || found.size > largestSpecBytes)
      throw invalid(
        "infraspec_missing",
        found
          ? "The infraspec.yaml is larger than 256 KB."
          : "There is no infraspec.yaml at the top of what was sent. Make one with: norns init.",
      );
    return await readFile(path, "utf8");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
