/**
 * Every variable that the server reads, once: name, the names it also goes by, kind, default and one line for
 * docs/configuration.md (`node scripts/run.mjs scripts/configuration.ts` writes it; a test holds it).
 */
import { choice, environmentName, integer, list, network, origin, secret, secretUrl, text, url } from "./variable.ts";
import { parseEncryptionKey } from "../vault/index.ts";

const encryptionKeyFault = (value: string): string | undefined => {
  try {
    parseEncryptionKey(value);
    return undefined;
  } catch {
    return "is not a key: it must be 32 bytes, as 64 hex digits or as base64";
  }
};

export const variables = {
  home: text(
    "NORNS_HOME",
    {
      doc: "Directory of everything Norns keeps: database, keys, volumes, logs. Mode 0700 (root: 0711, so that per-app users can pass).",
      example: "/srv/norns",
      default: "`~/.norns`; for root `/var/lib/norns`",
    },
    undefined,
  ),

  port: integer(
    "NORNS_PORT",
    { aliases: ["NORN_PORT"], doc: "Port of API, console and app names.", example: "8800", min: 0, max: 65_535 },
    8800,
  ),
  bindAddress: text(
    "NORNS_BIND_ADDR",
    {
      aliases: ["NORN_BIND_ADDR"],
      doc: "Address to listen on. `0.0.0.0` for every network; set `NORNS_PUBLIC_URL` with it.",
      example: "0.0.0.0",
    },
    "127.0.0.1",
  ),
  publicUrl: url("NORNS_PUBLIC_URL", {
    doc: "How people reach this server from outside: its host is accepted, its scheme decides about secure cookies.",
    example: "https://norns.example.com",
    protocols: ["http:", "https:"],
  }),
  allowedOrigins: list(
    "NORNS_ALLOWED_ORIGINS",
    {
      aliases: ["NORN_ALLOWED_ORIGINS"],
      doc: "Origins of other web pages that may call the API with a bearer token (CORS). Cookies are never accepted from them.",
      example: "https://ops.example.com,http://localhost:5173",
    },
    origin,
    [],
  ),
  trustedProxies: list(
    "NORNS_TRUSTED_PROXIES",
    {
      doc: "Networks of the reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
      example: "10.0.0.0/8,127.0.0.1",
    },
    network,
    [],
  ),

  databaseUrl: secretUrl("NORNS_DATABASE_URL", {
    aliases: ["NORN_DATABASE_URL", "DATABASE_URL"],
    doc: "PostgreSQL 15 to 18 to use in place of the embedded one.",
    example: "postgres://norns:…@db.internal:5432/norns",
    default: "an embedded PostgreSQL 18 under `NORNS_HOME`",
    protocols: ["postgres:", "postgresql:"],
  }),
  databasePool: integer(
    "NORNS_DATABASE_POOL",
    { doc: "Connections that one process keeps to the database.", example: "10", min: 2, max: 200 },
    10,
  ),

  encryptionKey: secret("NORNS_ENCRYPTION_KEY", {
    aliases: ["ENCRYPTION_KEY"],
    doc: "Key that seals stored secrets: 32 bytes, as 64 hex digits or base64. A check value in the database refuses a wrong one.",
    example: "$(openssl rand -hex 32)",
    default: "made at the first start in `NORNS_HOME/keys` (0600)",
    fault: encryptionKeyFault,
  }),
  earlierEncryptionKeys: secret("NORNS_EARLIER_ENCRYPTION_KEYS", {
    doc: "Keys that older secrets were sealed under, with commas between, while the key is being changed.",
    example: "$OLD_KEY",
    fault: (value) =>
      value
        .split(",")
        .map((key) => encryptionKeyFault(key))
        .find((fault) => fault !== undefined),
  }),
  jwtSecret: secret("NORNS_JWT_SECRET", {
    aliases: ["JWT_SECRET"],
    doc: "Key that signs sessions.",
    example: "$(openssl rand -base64 32)",
    default: "made at the first start in `NORNS_HOME/keys` (0600)",
    minLength: 32,
  }),
  earlierJwtSecrets: secret("NORNS_EARLIER_JWT_SECRETS", {
    doc: "Session keys used before, with commas between: what they sealed of the audit trail stays verifiable.",
    example: "$OLD_SECRET",
    fault: (value) => (value.split(",").every((key) => key.length >= 32) ? undefined : "holds a key of less than 32 characters"),
  }),
  inviteSecret: secret("NORNS_WORKSPACE_INVITE_SECRET", {
    aliases: ["NORA_WORKSPACE_INVITE_SECRET"],
    doc: "Key under which invitation tokens are hashed.",
    example: "$(openssl rand -base64 32)",
    default: "the value of `NORNS_JWT_SECRET`",
    minLength: 16,
  }),

  auth: choice(
    "NORNS_AUTH",
    {
      doc: "`open` lets everyone in as administrator of workspace `default`; only with a loopback address.",
      example: "open",
      choices: ["closed", "open"],
    },
    "closed",
  ),
  signUp: choice(
    "NORNS_SIGN_UP",
    {
      doc: "`open` lets anybody make an account for themselves; otherwise people come by invitation.",
      example: "open",
      choices: ["closed", "open"],
    },
    "closed",
  ),
  apiToken: secret("NORNS_API_TOKEN", {
    aliases: ["NORN_API_TOKEN"],
    doc: "A bearer token that acts as administrator of workspace `default`.",
    example: "$(openssl rand -hex 32)",
    minLength: 16,
    // What a header cannot carry would be a token that opens nothing.
    fault: (value) => (/^[\x21-\x7e]+$/.test(value) ? undefined : "holds a space, a line break or another character that no token has"),
  }),
  cfAccessTeamDomain: text(
    "NORNS_CF_ACCESS_TEAM_DOMAIN",
    {
      aliases: ["NORN_CF_ACCESS_TEAM_DOMAIN"],
      doc: "Cloudflare Access: the team's domain, whose signed header is verified. Set together with `NORNS_CF_ACCESS_AUD`.",
      example: "acme.cloudflareaccess.com",
    },
    undefined,
  ),
  cfAccessAudience: text(
    "NORNS_CF_ACCESS_AUD",
    {
      aliases: ["NORN_CF_ACCESS_AUD"],
      doc: "Cloudflare Access: the application's audience tag.",
      example: "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2",
    },
    undefined,
  ),

  appsDirectory: text(
    "NORNS_APPS_DIR",
    {
      aliases: ["NORN_APPS_DIR"],
      doc: "Directory whose sub-directories with an infraspec.yaml are the catalogue.",
      example: "/srv/apps",
      default: "`~/projects`",
    },
    undefined,
  ),
  gitToken: secret("NORNS_GIT_TOKEN", {
    aliases: ["NORN_GIT_TOKEN"],
    doc: "Token for cloning private repositories over https: one for the public forges, or `host=token` pairs with commas between. It goes to no other host.",
    example: "git.example.com=glpat-…,github.com=github_pat_…",
  }),
  gitSshKey: text(
    "NORNS_GIT_SSH_KEY",
    { aliases: ["NORN_GIT_SSH_KEY"], doc: "File with the private key for cloning over ssh.", example: "/etc/norns/deploy_key" },
    undefined,
  ),
  allowedNetworks: list(
    "NORNS_ALLOWED_NETWORKS",
    {
      doc: "Private networks that addresses given by users may point into (repositories, webhooks). All are refused otherwise.",
      example: "10.20.0.0/16,192.168.7.4",
    },
    network,
    [],
  ),
  buildEnv: list(
    "NORNS_BUILD_ENV",
    {
      doc: "Names of the server's own variables passed to builds, tests and migrations; `*` stands for any letters.",
      example: "npm_config_registry,*_PROXY,NODE_EXTRA_CA_CERTS",
      default: "`npm_config_registry,*_PROXY,*_proxy,NODE_EXTRA_CA_CERTS`",
    },
    environmentName,
    ["npm_config_registry", "*_PROXY", "*_proxy", "NODE_EXTRA_CA_CERTS"],
  ),
  dockerSocket: text(
    "NORNS_DOCKER_SOCKET",
    { aliases: ["DOCKER_SOCKET"], doc: "Unix socket of the Docker daemon.", example: "/run/user/1000/docker.sock" },
    "/var/run/docker.sock",
  ),

  leaseMs: integer(
    "NORNS_LEASE_MS",
    {
      doc: "How long a worker owns an operation without a heartbeat; a killed one's work is taken over after it. Milliseconds.",
      example: "30000",
      min: 500,
      max: 600_000,
    },
    30_000,
  ),
  deployConcurrency: integer(
    "NORNS_APP_DEPLOYMENT_CONCURRENCY",
    { doc: "App deployments that one worker process runs at once.", example: "6", min: 1, max: 100 },
    6,
  ),
  operationConcurrency: integer(
    "NORNS_APP_OPERATION_CONCURRENCY",
    { doc: "Other app operations (restart, scale, removal) that one worker process runs at once.", example: "10", min: 1, max: 100 },
    10,
  ),

  keepEventsDays: integer(
    "NORNS_EVENTS_KEEP_DAYS",
    { doc: "Days after which events are forgotten. The audit trail keeps everything.", example: "365", min: 1, max: 36_500 },
    90,
  ),
  requestsPerMinute: integer(
    "NORNS_REQUESTS_PER_MINUTE",
    { doc: "Requests a minute that one actor or address may make, over all replicas.", example: "60000", min: 60, max: 100_000_000 },
    300_000,
  ),

  logLevel: choice(
    "NORNS_LOG_LEVEL",
    {
      aliases: ["LOG_LEVEL"],
      doc: "Least level that is written. `debug` shows every request.",
      example: "debug",
      choices: ["debug", "info", "warn", "error"],
    },
    "info",
  ),
  logFormat: choice(
    "NORNS_LOG_FORMAT",
    {
      aliases: ["NORN_LOG_FORMAT"],
      doc: "`json` for machines, `text` for people.",
      example: "json",
      choices: ["json", "text"],
      default: "`text` on a terminal, else `json`",
    },
    undefined,
  ),
} as const;

/** Variables that begin like ours and belong to the command line or to apps: known, so that nobody is warned of them. */
export const variablesOfOthers: readonly RegExp[] = [
  /^NORNS?_(URL|TOKEN|WORKSPACE|CONFIG|NO_COLOR)$/,
  /^NORNS_(VOLUME|INSTANCE|APP|PROCESS|RELEASE|TEST|NODE)(_|$)/,
  /^NORN_REQUEST_(BODY|METHOD|PATH)$/,
];
