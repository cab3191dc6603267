/** What must hold between fields of the whole file. Pure: findings go to the reader. */
import type { Reader } from "./field.ts";
import type { Written } from "./fields.ts";
import { checkEndpoint } from "./hostname.ts";
import { runsImages } from "./infraspec.ts";
import { checkGivenByNorns, checkProcesses } from "./process-rules.ts";
import { looksSecret } from "./secret-like.ts";

export function checkRules(written: Written, reader: Reader, strictSecrets: boolean): void {
  if (written.processes.length === 0)
    reader.report("error", "processes", "needs at least one process, such as `web: { command: node server.js, port: 3000 }`.");
  const runsImage =
    written.image !== undefined || written.build?.dockerfile !== undefined || (written.engine !== undefined && runsImages(written.engine));
  checkProcesses(written, reader, runsImage);
  checkBuild(written, reader);
  checkVolumes(written, reader);
  checkEndpoints(written, reader);
  checkEnv(written, reader, strictSecrets);
  checkInfrastructure(written, reader);
}

function checkBuild({ build, engine, image, repo }: Written, reader: Reader): void {
  if (image !== undefined && build?.dockerfile !== undefined)
    reader.report("error", "image", "and `build.dockerfile` exclude each other: run a ready-made image, or build one.");
  const runsDirectories = engine !== undefined && !runsImages(engine);
  if (runsDirectories && image !== undefined)
    reader.report("error", "image", `needs \`engine: docker\`: the ${engine} engine runs no images.`);
  if (runsDirectories && build?.dockerfile !== undefined)
    reader.report("warning", "build.dockerfile", `is not used: \`engine\` says \`${engine}\`.`);
  const builds = engine === undefined ? build?.dockerfile !== undefined : runsImages(engine);
  if (build?.command !== undefined && (builds || image !== undefined))
    reader.report("warning", "build.command", "is not used: with an image, what is to be built stands in the Dockerfile.");
  if (build && build.dockerfile === undefined && build.command === undefined && build.test === undefined && !reader.isWrongBelow("build"))
    reader.report("warning", "build", "says nothing: give it `dockerfile`, `command` or `test`.");
  if (repo?.url.startsWith("http://"))
    reader.report("warning", "repo.url", "is not encrypted: anyone on the way can change what is deployed. Use https://.");
}

function checkVolumes({ volumes, processes }: Written, reader: Reader): void {
  const names = new Set<string>();
  const mounts = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    if (volume.name !== "" && names.has(volume.name)) reader.report("error", `volumes[${index}].name`, `is used twice: ${volume.name}.`);
    const mount = volume.mount.replace(/\/+$/, "");
    if (mount !== "" && mounts.has(mount)) reader.report("error", `volumes[${index}].mount`, `is used twice: ${mount}.`);
    if (volume.readOnly && volume.shared)
      reader.report("info", `volumes[${index}].shared`, "says nothing more: who only reads can always share.");
    names.add(volume.name);
    mounts.add(mount);
    if (volume.shared || volume.readOnly) continue;
    for (const { key, value } of processes)
      if ((value.scaling?.min ?? 1) > 1)
        reader.report(
          "warning",
          `processes.${key}.scaling.min`,
          `starts several instances that all write to \`${volume.name}\`, which is not \`shared\`.`,
        );
  }
}

function checkEndpoints({ endpoints, processes }: Written, reader: Reader): void {
  const hostnames = new Set<string>();
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `endpoints[${index}]`;
    if (endpoint.process !== undefined) {
      const process = processes.find(({ key }) => key === endpoint.process);
      if (!process) reader.report("error", `${path}.process`, `is \`${endpoint.process}\`, which is none of the processes.`);
      else if (process.value.port === undefined)
        reader.report("error", `${path}.process`, `is \`${endpoint.process}\`, which has no port.`);
    } else if (!processes.some(({ value }) => value.port !== undefined)) {
      reader.report("error", path, "has no process to lead to: none has a port.");
    }
    if (endpoint.url === "") continue;
    const checked = checkEndpoint(endpoint.url);
    if ("wrong" in checked) {
      reader.report("error", `${path}.url`, checked.wrong);
      continue;
    }
    if (checked.hasPath) reader.report("warning", `${path}.url`, "has a path, which is ignored: an endpoint is a host.");
    if (hostnames.has(checked.hostname)) reader.report("error", `${path}.url`, `names the host ${checked.hostname} a second time.`);
    hostnames.add(checked.hostname);
  }
}

function checkEnv(written: Written, reader: Reader, strictSecrets: boolean): void {
  for (const { key } of written.env) checkGivenByNorns(key, `env.${key}`, reader);
  const declared = new Set<string>();
  for (const [index, key] of written.secrets.entries()) {
    if (key !== "" && declared.has(key)) reader.report("warning", `secrets[${index}]`, `is declared twice: ${key}.`);
    declared.add(key);
  }
  const places = [
    ...written.env.map((entry) => ({ ...entry, path: `env.${entry.key}` })),
    ...written.processes.flatMap(({ key: process, value }) =>
      value.env.map((entry) => ({ ...entry, path: `processes.${process}.env.${entry.key}` })),
    ),
  ];
  for (const { key, value, path } of places) {
    if (declared.has(key))
      reader.report(
        strictSecrets ? "error" : "warning",
        path,
        "is also declared in `secrets`. Remove it here: the secret is what the app is given.",
      );
    else if (value !== "" && looksSecret(key, value))
      reader.report(
        strictSecrets ? "error" : "warning",
        path,
        "looks like a secret, and this file is read by many. Declare its name in `secrets` instead.",
      );
  }
}

function checkInfrastructure({ infrastructure, snapshots }: Written, reader: Reader): void {
  const { kafka, nats, objectStorage, postgres } = infrastructure ?? {};
  const path = "infrastructure";
  for (const [index, topic] of (kafka?.topics ?? []).entries()) {
    const at = `${path}.kafka.topics[${index}]`;
    if (topic.length > 249 || topic === "." || topic === ".." || !/^[A-Za-z0-9._-]*$/.test(topic))
      reader.report("error", at, "must be up to 249 letters, digits and `. _ -`.");
    if (kafka!.topics.indexOf(topic) !== index) reader.report("error", at, `is named twice: ${topic}.`);
  }
  for (const [index, stream] of (nats?.streams ?? []).entries())
    if (!/^[^\s.*>]*$/.test(stream)) reader.report("error", `${path}.nats.streams[${index}]`, "must not contain spaces or `. * >`.");
  if (objectStorage) {
    if (!["garage", "s3"].includes(objectStorage.provider))
      reader.report("warning", `${path}.objectStorage.provider`, "is neither `garage` nor `s3`.");
    if (objectStorage.buckets.length === 0) reader.report("error", `${path}.objectStorage.buckets`, "needs at least one bucket.");
    for (const [index, bucket] of objectStorage.buckets.entries()) {
      const at = `${path}.objectStorage.buckets[${index}]`;
      if (objectStorage.buckets.findIndex((other) => other.name === bucket.name) !== index)
        reader.report("error", `${at}.name`, `is named twice: ${bucket.name}.`);
      if (bucket.public) reader.report("warning", `${at}.public`, "lets anyone on the network read the bucket.");
    }
  }
  if (snapshots && !postgres) reader.report("warning", "snapshots", "has nothing to take them of: `infrastructure.postgres` is missing.");
}
