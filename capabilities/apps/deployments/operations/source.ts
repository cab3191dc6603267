/** The source at the commit, in a directory of the operation's own. */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ResolvedSource } from "@norns/adapters/sources";
import { parseInfraspec, type App, type Infraspec } from "@norns/capabilities/apps/catalog";
import type { Json, StepContext } from "@norns/kernel/ledger";
import { specInvalid, specNameDiffers } from "../errors.ts";
import { shortCommit } from "../release.ts";
import type { DeployInput, StepDeps } from "./deps.ts";

type Context = StepContext<Pick<DeployInput, "workspace" | "app">>;

/** What the clone step found and every later step uses, on every try. */
export interface Cloned {
  readonly source: ResolvedSource;
  readonly specText: string;
}

export const workOf = (deps: Pick<StepDeps, "home">, context: Context): string => join(deps.home, "work", context.operation.id);

export const removeWork = (deps: Pick<StepDeps, "home">, context: Context): Promise<void> =>
  rm(workOf(deps, context), { recursive: true, force: true });

/** Plain data on its way into and out of the step's record. */
export const toOutput = (cloned: Cloned): Json => JSON.parse(JSON.stringify(cloned)) as Json;
export const clonedOf = (context: Context): Cloned => context.outputOf<Json>("clone") as unknown as Cloned;

/** Never half a tree: it is written beside its place and moved there. */
export async function checkOut(deps: StepDeps, context: Context, source: ResolvedSource): Promise<string> {
  const work = workOf(deps, context);
  const [target, partial] = [join(work, "source"), join(work, "source.partial")];
  await rm(work, { recursive: true, force: true });
  // Builds run as users of their own, who must be able to pass through.
  await mkdir(join(deps.home, "work"), { recursive: true, mode: 0o711 });
  await mkdir(work, { mode: 0o711 });
  await mkdir(partial);
  await deps.sources.checkOut(context.input.app, source, partial, context.signal);
  await rename(partial, target);
  return target;
}

/**
 * The source for a build: untouched. One that a build has been let loose on, or that is gone, is checked out again, at
 * the same commit.
 */
export async function sourceForBuild(deps: StepDeps, context: Context): Promise<string> {
  const work = workOf(deps, context);
  const target = join(work, "source");
  const mark = join(work, "build-has-begun");
  const isUntouched = (await exists(target)) && !(await exists(mark));
  if (!isUntouched) await checkOut(deps, context, clonedOf(context).source);
  await writeFile(mark, "");
  return target;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );

/** More than any parser will read: such a file is not read at all. */
const largestSpecBytes = 1024 * 1024;

/** The infraspec of the source wins; without one the catalogue's is used, which must then be valid itself. */
export async function specTextOf(directory: string, app: App, commit: string): Promise<string> {
  const path = join(directory, "infraspec.yaml");
  if (!(await exists(path))) return app.specText;
  if ((await stat(path)).size > largestSpecBytes)
    throw specInvalid(
      app.name,
      [{ severity: "error", field: "", message: "The file is larger than 256 KB." }],
      `at ${shortCommit(commit)}`,
    );
  return readFile(path, "utf8");
}

/** The spec of a text, for this app. Throws `infraspec_invalid` with the findings, `infraspec_name_differs`. */
export function specOf(app: string, specText: string, commit: string): Infraspec {
  const { spec, findings } = parseInfraspec(specText);
  if (!spec) throw specInvalid(app, findings, `at ${shortCommit(commit)}`);
  if (spec.name !== app) throw specNameDiffers(app, spec.name, shortCommit(commit));
  return spec;
}
