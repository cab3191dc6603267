/**
 * How PostgreSQL is started: everything on its command line, nothing in its files, so that a new Norns brings its new
 * settings along. Pure.
 */
export interface Endpoint {
  /** A directory for the Unix socket, or an address. */
  readonly host: string;
  readonly port: number;
}

/** The longest path of a Unix socket that every system takes, PostgreSQL's own file name in it included. */
const longestSocketPath = 100;

export const socketFits = (directory: string): boolean =>
  process.platform !== "win32" && `${directory}/.s.PGSQL.5432.lock`.length <= longestSocketPath;

export function postgresArguments(options: { dataDirectory: string; endpoint: Endpoint; syncs: boolean }): string[] {
  const isSocket = options.endpoint.host.startsWith("/");
  const settings: Record<string, string | number> = {
    // Reachable through our own directory alone; TCP only where a socket's path would be too long.
    listen_addresses: isSocket ? "" : options.endpoint.host,
    unix_socket_directories: isSocket ? options.endpoint.host : "",
    unix_socket_permissions: "0700",
    port: options.endpoint.port,
    password_encryption: "scram-sha-256",
    // Small: one control plane. An idle backend costs about 2 MB of its own.
    max_connections: 120,
    shared_buffers: "48MB",
    huge_pages: "off",
    work_mem: "4MB",
    maintenance_work_mem: "32MB",
    jit: "off",
    // A deadlock costs its victims this long; the store repeats them.
    deadlock_timeout: "200ms",
    // No helper processes that a small server never needs (measured idle: 6 processes become 5, no wake-ups of theirs).
    io_method: "sync",
    max_worker_processes: 4,
    max_parallel_workers: 2,
    max_parallel_workers_per_gather: 0,
    max_logical_replication_workers: 0,
    max_wal_senders: 0,
    wal_level: "minimal",
    max_wal_size: "256MB",
    min_wal_size: "32MB",
    checkpoint_timeout: "15min",
    autovacuum_naptime: "1min",
    autovacuum_max_workers: 2,
    fsync: options.syncs ? "on" : "off",
    full_page_writes: options.syncs ? "on" : "off",
    // Its log names no value of a row and no statement: those may be secrets.
    log_min_messages: "log",
    log_error_verbosity: "terse",
    log_min_error_statement: "panic",
    log_statement: "none",
    log_checkpoints: "off",
    log_timezone: "UTC",
    timezone: "UTC",
  };
  return ["-D", options.dataDirectory, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

export const superuser = "norns";
export const databaseName = "norns";

export function initdbArguments(options: { dataDirectory: string; passwordFile: string; syncs: boolean }): string[] {
  return [
    `--pgdata=${options.dataDirectory}`,
    `--username=${superuser}`,
    `--pwfile=${options.passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // PostgreSQL's own C.UTF-8: the same order and case rules everywhere, whatever locales the system lacks.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    ...(options.syncs ? [] : ["--no-sync"]),
  ];
}

export function urlOf(endpoint: Endpoint, password: string, database: string): string {
  const user = `${superuser}:${encodeURIComponent(password)}`;
  return endpoint.host.startsWith("/")
    ? `postgres://${user}@/${database}?host=${encodeURIComponent(endpoint.host)}&port=${endpoint.port}`
    : `postgres://${user}@${endpoint.host}:${endpoint.port}/${database}`;
}
