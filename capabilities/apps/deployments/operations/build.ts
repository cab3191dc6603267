import type { Artifact } from "@norns/adapters/engines";
import { engineOf, type Infraspec } from "@norns/capabilities/apps/catalog";
import { Write } from "@norns/kernel/database";
import type { NodeId } from "@norns/kernel/ids";
import { done, type Json, type StepContext } from "@norns/kernel/ledger";
import { imageTagOf, isKept, releaseName, type Release } from "../release.ts";
import { isArtifactShared } from "../rules.ts";
import type { DeployInput, StepDeps } from "./deps.ts";
import { clonedOf, sourceForBuild, specOf } from "./source.ts";
import { withOutput } from "./step-output.ts";
import type { Step } from "./step-names.ts";

/** Makes the artifact, and the release with it. A repeated build finds it made, or makes it from an untouched source. */
export function build(deps: StepDeps, node: NodeId): Step<DeployInput> {
  return {
    name: "build",
    // The engine ends the build at its own limit, with a message that says so; this one is for an engine that hangs.
    timeoutMs: deps.limits.buildMs + 60_000,
    retry: { tries: 2, backoffMs: 2_000, factor: 2 },
    async run(context) {
      const { workspace, app, release: id, ref } = context.input;
      const { source, specText } = clonedOf(context);
      const spec = specOf(app, specText, source.commit);
      const known = await deps.rows.findRelease(workspace, app, id);
      const number = known?.number ?? (await deps.rows.nextNumber(app));
      const artifact = known?.artifact ?? (await buildArtifact(deps, context, spec, number));
      const release: Release = {
        id,
        workspace,
        app,
        number,
        state: "new",
        commit: source.commit,
        ref,
        subject: source.subject ?? "",
        spec,
        specText,
        artifact,
        engine: engineOf(spec),
        node,
        operation: context.operation.id,
        createdAt: known?.createdAt ?? deps.clock.now(),
        currentSince: null,
      };
      context.progress(`Built ${releaseName(release)} of ${app}.`, { imageTag: imageTagOf(release, artifact) });
      const write = new Write();
      deps.rows.addRelease(write, release);
      return done({ release: number, imageTag: imageTagOf(release, artifact), artifact: toJson(artifact) }, write);
    },

    /** The release failed: it never came into service, so its artifact serves nobody. */
    async undo(context, output) {
      const { workspace, app, release: id } = context.input;
      const releases = await deps.rows.listReleases(workspace, app);
      const release = releases.find((candidate) => candidate.id === id);
      const artifact = release ? release.artifact : artifactIn(output);
      if (release && release.state !== "new") return;
      if (artifact && !(release && isKept(release) && isArtifactShared(release, releases))) {
        const { source, specText } = clonedOf(context);
        await deps.processes.engineOf(release?.engine ?? engineOf(specOf(app, specText, source.commit))).removeArtifact(artifact);
      }
      const write = new Write();
      deps.rows.setFailed(write, id);
      await write.commit(deps.store);
    },
  };
}

export function buildArtifact(deps: StepDeps, context: StepContext<DeployInput>, spec: Infraspec, number: number): Promise<Artifact> {
  const { workspace, app, release } = context.input;
  const { source } = clonedOf(context);
  return withOutput(deps, context, "build", async (output, say) => {
    const directory = await sourceForBuild(deps, context);
    const { dockerfile, command } = spec.build ?? {};
    say(
      spec.image
        ? `Using the image ${spec.image}.`
        : dockerfile
          ? `Building ${dockerfile}.`
          : command
            ? `Running: ${command}`
            : "Nothing to build: the source is what runs.",
    );
    return deps.processes.engineOf(engineOf(spec)).build({
      workspace,
      app,
      release,
      source: directory,
      commit: source.commit,
      ...(spec.image === undefined ? {} : { image: spec.image }),
      ...(dockerfile === undefined ? {} : { dockerfile }),
      ...(command === undefined ? {} : { command }),
      env: { ...deps.buildEnv, VERSION: source.commit, BUILD_NUMBER: String(number) },
      timeoutMs: deps.limits.buildMs,
      output,
      signal: context.signal,
    });
  });
}

export const toJson = (artifact: Artifact): Json => ({ ...artifact });

/** Of a step `build`: its record holds what `toJson` made. */
export function artifactIn(output: Json | undefined): Artifact | undefined {
  if (typeof output !== "object" || output === null || !("artifact" in output)) return undefined;
  // The cast: this file wrote it.
  return output.artifact as unknown as Artifact;
}
