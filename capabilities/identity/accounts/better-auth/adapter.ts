/**
 * Better Auth's database port over our Store: one adapter for PostgreSQL and D1, in the portable subset (integer
 * milliseconds, 0 and 1, text). What it reads is read at once; what it writes to people, sessions and credentials is
 * collected (`collected-write.ts`) together with what follows from it (`consequences.ts`). Verifications are used up at
 * once: a link that is good once must not be good twice because two requests collect side by side.
 *
 * Sessions are stored by the HMAC of their token. A row found by its token carries the token again; a row found otherwise
 * carries the stored form, with which a session can be ended but never found.
 */
import type { Kysely } from "kysely";
import type { AdapterFactoryConfig, CleanedWhere, CustomAdapter } from "@better-auth/core/db/adapter";
import { Write, type Store } from "@norns/kernel/database";
import { isStoredSession, sessionHmac } from "../secrets.ts";
import { collecting } from "./collected-write.ts";
import type { Consequences } from "./consequences.ts";
import { toCondition } from "./where.ts";

type Row = Record<string, unknown>;
type AnyTables = Record<string, Row>;

/** Better Auth's models are these tables; a plug-in that needs another comes with its migration and its line here. */
const tables = ["users", "sessions", "credentials", "verifications"] as const;
type Table = (typeof tables)[number];

export const adapterConfig: AdapterFactoryConfig = {
  adapterId: "norns-store",
  adapterName: "Norns store",
  supportsBooleans: false,
  supportsDates: true,
  supportsJSON: false,
  supportsNumericIds: false,
  transaction: false,
  customTransformInput: ({ data }) => (data instanceof Date ? data.getTime() : (data as unknown)),
  customTransformOutput: ({ data, fieldAttributes }) =>
    fieldAttributes.type === "date" && typeof data === "number" ? new Date(data) : (data as unknown),
};

export interface AdapterDeps {
  readonly store: Store;
  readonly sessionSecret: string;
  readonly consequences: Consequences;
}

export function createStoreAdapter({ store, sessionSecret, consequences }: AdapterDeps): CustomAdapter {
  const db = store.tables<AnyTables>("identity") as Kysely<AnyTables>;

  const tableOf = (model: string): Table => {
    const table = tables.find((name) => name === model);
    if (!table) throw new Error(`Better Auth wants the table ${model}, which no migration makes.`);
    return table;
  };

  /** A token as it is looked for; `mayBeStored` where a row that was read before is meant. */
  const hashTokens = (table: Table, where: readonly CleanedWhere[], mayBeStored: boolean): CleanedWhere[] =>
    where.map((part) => {
      if (table !== "sessions" || part.field !== "token_hmac" || typeof part.value !== "string") return part;
      if (mayBeStored && isStoredSession(part.value)) return part;
      return { ...part, value: sessionHmac(part.value, sessionSecret) };
    });

  const withToken = (table: Table, row: Row, where: readonly CleanedWhere[]): Row => {
    if (table !== "sessions") return row;
    const by = where.find((part) => part.field === "token_hmac" && typeof part.value === "string");
    return by && !isStoredSession(by.value as string) ? { ...row, token_hmac: by.value } : row;
  };

  const read = (table: Table, where: readonly CleanedWhere[], mayBeStored: boolean): Promise<Row[]> =>
    db
      .selectFrom(table)
      .selectAll()
      .where(toCondition(hashTokens(table, where, mayBeStored)))
      .limit(1_000)
      .execute() as Promise<Row[]>;

  const toStored = (table: Table, row: Row): Row =>
    table === "sessions" && typeof row["token_hmac"] === "string"
      ? { ...row, token_hmac: sessionHmac(row["token_hmac"], sessionSecret) }
      : row;

  /** Collected, except for what is good once. */
  const write = async (table: Table, add: (write: Write) => void): Promise<void> => {
    if (table !== "verifications") return add(collecting().write);
    const own = new Write();
    add(own);
    await own.commit(store);
  };

  const update = async (table: Table, where: readonly CleanedWhere[], changes: Row): Promise<Row[]> => {
    const before = await read(table, where, true);
    await write(table, (to) => {
      for (const row of before) {
        to.add(
          db
            .updateTable(table)
            .set(toStored(table, changes))
            .where("id", "=", row["id"] as never),
        );
        consequences.updated(to, table, row, changes);
      }
    });
    return before.map((row) => withToken(table, { ...row, ...changes }, where));
  };

  const remove = async (table: Table, where: readonly CleanedWhere[]): Promise<Row[]> => {
    const before = await read(table, where, true);
    await write(table, (to) => {
      for (const row of before) {
        to.add(db.deleteFrom(table).where("id", "=", row["id"] as never));
        consequences.deleted(to, table, row);
      }
    });
    return before;
  };

  // The casts to T: Better Auth names the shape it expects of its own model; the rows are that model's columns.
  return {
    async create({ model, data }) {
      const table = tableOf(model);
      await write(table, (to) => {
        to.add(db.insertInto(table).values(toStored(table, data)));
        consequences.created(to, table, data);
      });
      return data;
    },
    async findOne<T>({ model, where }: { model: string; where: CleanedWhere[] }) {
      const table = tableOf(model);
      const row = await db
        .selectFrom(table)
        .selectAll()
        .where(toCondition(hashTokens(table, where, false)))
        .limit(1)
        .executeTakeFirst();
      if (table === "users" && row) collecting().emails.set(String(row["id"]), String(row["email"]));
      return row ? (withToken(table, row as Row, where) as T) : null;
    },
    async findMany<T>({
      model,
      where = [],
      limit,
      offset,
      sortBy,
    }: {
      model: string;
      where?: CleanedWhere[] | undefined;
      limit: number;
      offset?: number | undefined;
      sortBy?: { field: string; direction: "asc" | "desc" } | undefined;
    }) {
      const table = tableOf(model);
      let select = db
        .selectFrom(table)
        .selectAll()
        .where(toCondition(hashTokens(table, where, false)))
        .limit(limit);
      if (sortBy) select = select.orderBy(sortBy.field as never, sortBy.direction);
      if (offset) select = select.offset(offset);
      return (await select.execute()) as T[];
    },
    async count({ model, where = [] }) {
      const table = tableOf(model);
      const row = await db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where(toCondition(hashTokens(table, where, false)))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
    async update<T>({ model, where, update: changes }: { model: string; where: CleanedWhere[]; update: T }) {
      const [row] = await update(tableOf(model), where, changes as Row);
      return row ? (row as T) : null;
    },
    updateMany: async ({ model, where, update: changes }) => (await update(tableOf(model), where, changes)).length,
    async delete({ model, where }) {
      await remove(tableOf(model), where);
    },
    deleteMany: async ({ model, where }) => (await remove(tableOf(model), where)).length,
    async consumeOne<T>({ model, where }: { model: string; where: CleanedWhere[] }) {
      const table = tableOf(model);
      const [found] = await read(table, where, false);
      if (!found) return null;
      const [taken] = await store.batch([
        db
          .deleteFrom(table)
          .where("id", "=", found["id"] as never)
          .returningAll(),
      ]);
      return (taken!.rows[0] as T | undefined) ?? null;
    },
  };
}
