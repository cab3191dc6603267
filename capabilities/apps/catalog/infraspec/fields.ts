/** Every field of an infraspec, once: what checks a file, fills in defaults and writes docs/infraspec.md. */
import type { AppName, ProcessName } from "@norns/kernel/ids";
import { drainSignals, engineNames } from "./infraspec.ts";
import { byDefault, listOf, mapOf, object, optional, required } from "./field.ts";
import { checkName } from "./name.ts";
import {
  amount,
  branchName,
  duration,
  envKey,
  envMap,
  flag,
  imageName,
  line,
  mountPath,
  name,
  oneOf,
  repositoryUrl,
  sourcePath,
  text,
  textThat,
  timezone,
  urlPath,
  webUrl,
  whole,
} from "./values.ts";

const hour = 3_600_000;
const inert = true;

const processFields = {
  command: optional(text, "What to run, handed whole to `sh -c`. Needed unless an image brings its own.", { example: "node server.js" }),
  port: optional(whole(1, 65535), "Makes the process a service. Listen on `$PORT`; inside a container this number is that port.", {
    example: "3000",
  }),
  schedule: optional(line, "Makes it a cron process: five or six cron fields.", { example: '"0 3 * * *"', shown: "none" }),
  timezone: byDefault(timezone, "UTC", "`UTC`", "The zone in which `schedule` is read.", { example: "Europe/Berlin" }),
  function: optional(
    object({
      timeout: byDefault(duration(100, hour), 30_000, "`30s`", "How long one call may take.", { example: "30s" }),
      memory: optional(whole(16, 262_144, "MB"), "Memory of one call.", { example: "256", shown: "that of `resources`" }),
    }),
    "Makes it a function: started for each call.",
  ),
  health: optional(
    object({
      path: optional(urlPath, "Asked over HTTP; 200 to 399 is healthy.", { example: "/health", shown: "a TCP connect" }),
      interval: byDefault(duration(100, hour), 10_000, "`10s`", "Time between two checks of a running instance.", { example: "10s" }),
      timeout: byDefault(duration(100, 300_000), 5_000, "`5s`", "How long one check may take.", { example: "5s" }),
      deadline: byDefault(duration(1000, hour), 60_000, "`60s`", "From start to healthy; a release that needs longer fails.", {
        example: "60s",
      }),
    }),
    "How Norns finds out, from outside, that an instance works: two good answers in a row.",
  ),
  metrics: optional(
    object({
      enabled: byDefault(flag, false, "`false`", "Whether the process offers Prometheus metrics.", { example: "true" }),
      path: byDefault(urlPath, "/metrics", "`/metrics`", "Where it offers them.", { example: "/metrics" }),
      port: optional(whole(0, 65535), "The port they are on.", { example: "9100", shown: "the process's own" }),
    }),
    "Metrics of the process.",
    { inert },
  ),
  scaling: optional(
    object({
      min: byDefault(whole(0, 100), 1, "`1`", "How many instances run.", { example: "2" }),
      max: optional(whole(1, 1000), "The most there may be.", { example: "4", inert }),
      per_region: optional(whole(0, 100), "Instances in each region.", { example: "1", inert }),
      auto: optional(
        object({
          metric: required(oneOf(["cpu", "memory", "kafka_lag", "custom"]), "What to scale by.", { example: "cpu" }),
          target: required(amount, "The value to keep the metric at.", { example: "70" }),
          topic: optional(line, "The topic whose lag counts.", { example: "orders" }),
        }),
        "Scaling by a metric.",
        { inert },
      ),
    }),
    "How many equal instances run.",
  ),
  drain: optional(
    object({
      signal: byDefault(oneOf(drainSignals), "SIGTERM", "`SIGTERM`", "Sent to an instance that must end.", { example: "SIGTERM" }),
      timeout: byDefault(duration(0, hour), 30_000, "`30s`", "How long it may finish its work before it is killed.", { example: "30s" }),
    }),
    "How an instance is asked to end.",
  ),
  resources: optional(
    object({
      cpu: byDefault(whole(1, 1_000_000, "MHz"), 100, "`100`", "Its share of the processor when that is scarce.", { example: "200" }),
      memory: byDefault(whole(4, 4_194_304, "MB"), 128, "`128`", "The most memory it may use; above it is ended.", { example: "256" }),
    }),
    "What one instance may use.",
  ),
  canary: optional(
    object({
      count: required(whole(1, 100), "Instances of the new release to try first.", { example: "1" }),
      evaluateAfter: byDefault(duration(1000, 24 * hour), 120_000, "`2m`", "How long to watch them.", { example: "2m" }),
    }),
    "A new release beside the old one on trial.",
    { inert },
  ),
  tuning: optional(
    object({
      mode: byDefault(oneOf(["advisory", "auto"]), "advisory", "`advisory`", "Only advise, or act.", { example: "advisory" }),
      cooldown: optional(duration(0, 24 * hour), "The least time between two changes.", { example: "10m" }),
      profiles: byDefault(
        mapOf(
          object({
            cpu: optional(amount, "Processor in MHz.", { example: "200" }),
            memory: optional(amount, "Memory in MB.", { example: "256" }),
          }),
          { label: "map of name to block", exampleKey: "small", max: 20, checkKey: checkName },
        ),
        [],
        "none",
        "Named sizes.",
      ),
      limits: optional(
        object({
          min: optional(amount, "Lower limit.", { example: "1" }),
          max: optional(amount, "Upper limit.", { example: "4" }),
        }),
        "Between which values tuning may move.",
      ),
      signals: byDefault(
        listOf(
          object({
            source: byDefault(oneOf(["nomad", "prometheus", "app"]), "app", "`app`", "Who knows the metric.", { example: "app" }),
            metric: required(line, "Its name.", { example: "queue_depth" }),
          }),
          20,
        ),
        [],
        "none",
        "What tuning looks at.",
      ),
    }),
    "Advice on sizes.",
    { inert },
  ),
  env: byDefault(envMap, [], "none", "Variables of this process, over those of the app.", { example: "debug" }),
} as const;

const infrastructureFields = {
  postgres: optional(
    object({
      database: required(
        textThat("name of a database", (value) =>
          /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(value) ? undefined : "must be the plain name of a database: letters, digits, `_` and `-`.",
        ),
        "The database that snapshots are taken of.",
        { example: "shop" },
      ),
    }),
    "A PostgreSQL database.",
    { inert },
  ),
  redis: optional(object({ namespace: optional(line, "Prefix of its keys.", { example: "shop" }) }), "A Redis.", { inert }),
  kafka: optional(
    object({ topics: byDefault(listOf(line), [], "none", "Topics it uses.", { example: "orders" }) }),
    "A Kafka or Redpanda.",
    { inert },
  ),
  nats: optional(object({ streams: byDefault(listOf(line), [], "none", "Streams it uses.", { example: "events" }) }), "A NATS.", { inert }),
  objectStorage: optional(
    object({
      provider: byDefault(line, "garage", "`garage`", "Whose: `garage` or `s3`.", { example: "garage" }),
      buckets: byDefault(
        listOf(
          object({
            name: required(
              textThat("name of a bucket", (value) =>
                /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)
                  ? undefined
                  : "must be 3 to 63 lower-case letters, digits, dots and hyphens.",
              ),
              "The bucket.",
              { example: "shop-uploads" },
            ),
            access: byDefault(oneOf(["readOnly", "readWrite", "owner"]), "readWrite", "`readWrite`", "What the app may do.", {
              example: "readWrite",
            }),
            public: byDefault(flag, false, "`false`", "Whether anyone may read it.", { example: "false" }),
            prefix: optional(line, "The part of the bucket that is the app's.", { example: "uploads/" }),
            env: optional(
              textThat("name of a variable", (value) =>
                /^[A-Za-z][A-Za-z0-9_]*$/.test(value) ? undefined : "must be letters, digits and `_`, a letter first.",
              ),
              "The beginning of the variables that tell the app where it is.",
              { example: "UPLOADS" },
            ),
          }),
        ),
        [],
        "none",
        "Buckets it uses.",
      ),
    }),
    "Object storage.",
    { inert },
  ),
} as const;

export const infraspec = object({
  name: required(name<AppName>("name"), "The app's name: its id, and the host it is reached under (`<name>.localhost`).", {
    example: "shop",
  }),
  deploy: byDefault(flag, true, "`true`", "`false` takes the app out of the catalogue.", { example: "true" }),
  engine: optional(oneOf(engineNames), "Where it runs.", {
    example: "process",
    shown: "`docker` with an image or a Dockerfile, else `process`",
  }),
  image: optional(imageName, "A ready-made image to run. Nothing is built.", { example: "ghcr.io/owner/shop:1.4", shown: "none" }),
  repo: optional(
    object({
      url: required(repositoryUrl, "The repository the source is taken from.", { example: "https://github.com/owner/shop.git" }),
      branch: byDefault(branchName, "main", "`main`", "The branch that `HEAD` means.", { example: "main" }),
      autoDeploy: byDefault(flag, false, "`false`", "Deploy when the repository's webhook reports a push.", { example: "false", inert }),
      repoWeb: optional(webUrl, "The repository's page, for people.", { example: "https://github.com/owner/shop" }),
    }),
    "Where the source comes from. Without it: the directory that this file is in.",
  ),
  build: optional(
    object({
      dockerfile: optional(sourcePath, "The Dockerfile to build; makes the engine `docker`.", {
        example: "Dockerfile",
        shown: "`Dockerfile` with `engine: docker`",
      }),
      command: optional(text, "Run once in a fresh copy of the source, before it becomes a release (process engine).", {
        example: "npm ci --omit=dev",
      }),
      test: optional(text, "Run in the built release; anything but exit code 0 ends the deployment.", { example: "npm test" }),
    }),
    "How a release is made from the source.",
  ),
  processes: byDefault(
    mapOf(object(processFields), { label: "map of name to block", exampleKey: "web", max: 50, checkKey: checkName }),
    [],
    "none; at least one is needed",
    "What runs. `web` answers under the app's name.",
  ),
  services: byDefault(listOf(line), [], "none", "Names of services it needs, for people.", { example: "mailer", inert }),
  secrets: byDefault(listOf(envKey), [], "none", "Keys of the secrets the app is given as variables.", { example: "SESSION_KEY", inert }),
  migrations: optional(text, "A command that brings the database up to date, run before the new release starts.", {
    example: "npm run migrate",
  }),
  env: byDefault(envMap, [], "none", "Variables of every process. No secrets: this file is read by many.", { example: "info" }),
  infrastructure: optional(object(infrastructureFields), "What the app needs around it."),
  endpoints: byDefault(
    listOf(
      object({
        url: required(line, "An address of the app.", { example: "https://shop.example.com" }),
        region: optional(line, "Where it is meant to be served.", { example: "eu", inert }),
        process: optional(name<ProcessName>("name of a process"), "Which process answers.", {
          example: "web",
          shown: "`web`, else the first service by name",
        }),
      }),
      50,
    ),
    [],
    "none",
    "Public addresses, besides `<name>.localhost`.",
  ),
  volumes: byDefault(
    listOf(
      object({
        name: required(name<string>("name"), "Names the volume; its path is given as `NORNS_VOLUME_<NAME>`.", { example: "data" }),
        mount: required(mountPath, "Where a container sees it.", { example: "/data" }),
        readOnly: byDefault(flag, false, "`false`", "Whether the app may only read it.", { example: "false" }),
        shared: byDefault(
          flag,
          false,
          "`false`",
          "Several instances may write at once. Without it an update stops the old instance first.",
          { example: "true" },
        ),
      }),
      20,
    ),
    [],
    "none",
    "Directories that outlive releases. Kept until removed by name.",
  ),
  snapshots: optional(
    object({
      keep: byDefault(whole(0, 1000), 3, "`3`", "How many are kept.", { example: "3" }),
      preRestore: byDefault(flag, false, "`false`", "Take one before each restore.", { example: "true" }),
      retentionEnabled: byDefault(flag, false, "`false`", "Remove those beyond `keep`.", { example: "true" }),
      exportBucket: optional(line, "A bucket that each is copied to.", { example: "shop-backups" }),
    }),
    "Snapshots of the database.",
    { inert },
  ),
  deployPolicy: optional(
    object({
      autoRollback: byDefault(flag, true, "`true`", "Go back to the release before when a new one turns unhealthy.", { example: "true" }),
    }),
    "What happens when a release goes wrong.",
  ),
});

/** The file as read: every field with its default, in the file's own names and shapes. */
export type Written = (typeof infraspec)["blank"];
export type WrittenProcess = Written["processes"][number]["value"];
