/** Images: built from a Dockerfile, fetched by reference, kept by a tag of ours, named by their digest only. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { conflict, invalid, NornsError } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import type { BuildRequest } from "../port.ts";
import type { Artifact } from "../workload.ts";
import { packContext } from "./build-context.ts";
import { buildKitFeature, buildWithBuildKit, softFeature } from "./buildkit.ts";
import { checkDockerfile, checkImage, imageTag, labels, type Place, toBuildQuery } from "./requests.ts";
import { type Daemon, DaemonRefusal, isRefusal, jsonLines } from "./transport.ts";

interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

interface BuildLine {
  readonly stream?: string;
  readonly status?: string;
  readonly progress?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  readonly aux?: { readonly ID?: string };
}

export async function buildImage(daemon: Daemon, place: Place, socketPath: string, request: BuildRequest): Promise<Artifact> {
  const made = await findTagged(daemon, request.app, request.release);
  if (made !== undefined) return { kind: "image", image: made };
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  try {
    const image =
      request.image === undefined
        ? await buildFrom(daemon, place, socketPath, request, signal)
        : await fetchImage(daemon, request, request.image, signal);
    return { kind: "image", image };
  } catch (thrown) {
    if (request.signal.aborted) throw request.signal.reason;
    if (timeout.aborted)
      throw invalid("command_timed_out", `The build took longer than ${Math.round(request.timeoutMs / 1000)} s and was ended.`, {
        cause: thrown,
      });
    throw thrown;
  }
}

async function findTagged(daemon: Daemon, app: AppName, release: string): Promise<string | undefined> {
  const { repo, tag } = imageTag(app, release);
  try {
    return (await daemon.call<ImageInspect>("GET", `/images/${repo}:${tag}/json`)).Id;
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return undefined;
    throw thrown;
  }
}

/** The daemon ends a build whose client has gone, so an abort of the signal ends it there too. */
async function buildFrom(daemon: Daemon, place: Place, socketPath: string, request: BuildRequest, signal: AbortSignal): Promise<string> {
  const dockerfile = checkDockerfile(request.dockerfile ?? "Dockerfile");
  const query = toBuildQuery({ ...request, dockerfile }, place);
  const feature = buildKitFeature(await dockerfileText(request.source, dockerfile));
  if (feature !== undefined) {
    const building = buildWithBuildKit({
      home: place.home,
      socketPath,
      source: request.source,
      dockerfile,
      tag: query.t,
      labels: query.labels,
      buildArgs: query.buildargs,
      feature,
      output: request.output,
      signal,
    });
    try {
      return await building;
    } catch (thrown) {
      const isWish = feature.startsWith(softFeature) && thrown instanceof NornsError && thrown.code === "buildkit_missing";
      if (!isWish) throw thrown;
    }
  }
  let body;
  try {
    body = await daemon.stream("POST", "/build", { query: { ...query }, upload: packContext(request.source, dockerfile, signal), signal });
  } catch (thrown) {
    if (isRefusal(thrown, 400, 404, 500) && thrown instanceof NornsError && /dockerfile/i.test(thrown.message)) {
      throw invalid("dockerfile_invalid", `${dockerfile} cannot be built: ${thrown.message.replace(/^Docker answered \d+: /, "")}`, {
        cause: thrown,
      });
    }
    throw thrown;
  }
  let image: string | undefined;
  for await (const line of jsonLines<BuildLine>(body)) {
    const text = line.stream ?? (line.status === undefined ? undefined : `${line.id === undefined ? "" : `${line.id}: `}${line.status}\n`);
    if (text !== undefined && line.progress === undefined) request.output("stdout", Buffer.from(text));
    if (line.aux?.ID !== undefined) image = line.aux.ID;
    if (line.error !== undefined) {
      request.output("stderr", Buffer.from(`${line.error}\n`));
      throw invalid("command_failed", `The build failed: ${line.error.trim().slice(-500)}`, {
        details: { exitCode: line.errorDetail?.code ?? null },
      });
    }
  }
  const found = image ?? (await findTagged(daemon, request.app, request.release));
  if (found === undefined) throw invalid("command_failed", "The build ended without an image.");
  return found;
}

/** Read as it is, never through a link: a Dockerfile that is a link is the daemon's to judge. */
async function dockerfileText(source: string, dockerfile: string): Promise<string> {
  const file = await open(join(source, dockerfile), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return "";
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(256 * 1024), 0, 256 * 1024, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What is there already is taken as it is; else it is fetched. Then a tag of ours keeps it from being pruned. */
async function fetchImage(daemon: Daemon, request: BuildRequest, reference: string, signal: AbortSignal): Promise<string> {
  const name = checkImage(reference);
  let image = await findImage(daemon, name);
  if (image === undefined) {
    const isTagged = name.includes("@") || /:[^/]+$/.test(name);
    let body;
    try {
      body = await daemon.stream("POST", "/images/create", { query: { fromImage: name, tag: isTagged ? undefined : "latest" }, signal });
    } catch (thrown) {
      if (thrown instanceof DaemonRefusal && thrown.status < 500)
        throw invalid("image_not_found", `There is no image ${name} to fetch: ${thrown.message}`, { cause: thrown });
      throw thrown;
    }
    for await (const line of jsonLines<BuildLine>(body)) {
      if (line.error !== undefined) throw invalid("image_not_found", `The image ${name} could not be fetched: ${line.error}`);
      if (line.status !== undefined && line.progress === undefined)
        request.output("stdout", Buffer.from(`${line.id === undefined ? "" : `${line.id}: `}${line.status}\n`));
    }
    image = await findImage(daemon, name);
    if (image === undefined) throw invalid("image_not_found", `The image ${name} was fetched and is not there.`);
  }
  const { repo, tag } = imageTag(request.app, request.release);
  await daemon.call("POST", `/images/${image}/tag`, { query: { repo, tag }, signal });
  return image;
}

async function findImage(daemon: Daemon, name: string): Promise<string | undefined> {
  try {
    return (await daemon.call<ImageInspect>("GET", `/images/${name}/json`)).Id;
  } catch (thrown) {
    if (isRefusal(thrown, 404, 400)) return undefined;
    throw thrown;
  }
}

/**
 * Takes our tags off the image; Docker removes it with the last tag of all. A tag that others gave it (somebody's
 * `nginx:1.27`) is theirs and stays.
 */
export async function removeImage(daemon: Daemon, place: Place, artifact: Artifact): Promise<void> {
  if (artifact.kind !== "image") return;
  let found: ImageInspect;
  try {
    found = await daemon.call<ImageInspect>("GET", `/images/${artifact.image}/json`);
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return;
    throw thrown;
  }
  const tags = (found.RepoTags ?? []).filter((tag) => /^norns\/[a-z0-9-]+:rel_[0-9a-z]{26}$/.test(tag));
  const isOurBuild = found.Config?.Labels?.[labels.installation] === place.installation;
  const names = tags.length === 0 && isOurBuild && (found.RepoTags ?? []).length === 0 ? [found.Id] : tags;
  for (const name of names) {
    try {
      await daemon.call("DELETE", `/images/${name}`);
    } catch (thrown) {
      if (isRefusal(thrown, 404)) continue;
      if (isRefusal(thrown, 409))
        throw conflict("artifact_in_use", "That image is still used by a container. Stop its instances first.", { cause: thrown });
      throw thrown;
    }
  }
}
