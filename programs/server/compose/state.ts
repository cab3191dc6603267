/** Where state is kept: the database that is configured, or one of our own under NORNS_HOME. */
import { startEmbeddedPostgres } from "@norns/adapters/stores/embedded";
import { createPostgresNotifier, openPostgres, type PostgresStore } from "@norns/adapters/stores/postgres";
import type { Config } from "@norns/kernel/config";
import { unavailable } from "@norns/kernel/errors";
import type { EventNotifier } from "@norns/kernel/events";
import type { Log, Mask } from "@norns/kernel/log";

export interface State {
  readonly store: PostgresStore;
  readonly notifier: EventNotifier;
  readonly url: string;
  /** For the health answer: `embedded` or `postgres`. */
  readonly kind: "embedded" | "postgres";
}

export interface StateDeps {
  readonly config: Config;
  readonly home: string;
  readonly log: Log;
  readonly mask: Mask;
  readonly signal: AbortSignal;
  readonly own: AsyncDisposableStack;
}

export async function openState({ config, home, log, mask, signal, own }: StateDeps): Promise<State> {
  const given = config.secrets.databaseUrl?.reveal();
  const url = given ?? (await startOwn({ home, log, signal, own }));
  mask.add(passwordOf(url));
  const store = openPostgres({ url, poolSize: config.databasePool });
  own.defer(() => store.close());
  if (given) await requireReachable(store, url);
  const notifier = createPostgresNotifier({ store, log });
  own.defer(() => notifier.close());
  return { store, notifier, url, kind: given ? "postgres" : "embedded" };
}

async function startOwn({ home, log, signal, own }: Omit<StateDeps, "config" | "mask">): Promise<string> {
  const embedded = await startEmbeddedPostgres({ home, log, signal });
  own.defer(() => embedded.stop());
  return embedded.url;
}

/** By hand: a URL that names a Unix socket has no host, which `URL` does not accept. */
const passwordOf = (url: string): string => decodeURIComponent(/^[a-z]+:\/\/[^:/@?]*:([^@/]*)@/.exec(url)?.[1] ?? "");

/** Throws `unavailable` / `database_unreachable` with the place that was tried, and no password. */
async function requireReachable(store: PostgresStore, url: string): Promise<void> {
  try {
    await store.pool.query("select 1");
  } catch (cause) {
    const place = url.replace(/^[a-z]+:\/\/(?:[^@/?]*@)?/, "").split("?")[0] ?? "";
    throw unavailable(
      "database_unreachable",
      `The database of NORNS_DATABASE_URL (${place}) does not answer: ${(cause as Error).message}. Check the address, and that PostgreSQL runs there.`,
      { cause },
    );
  }
}
