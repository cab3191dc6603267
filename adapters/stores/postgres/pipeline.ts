/**
 * Several statements in ONE round trip and one transaction. In PostgreSQL's extended protocol everything up to a Sync is
 * one implicit transaction, so a batch is Parse/Bind/Describe/Execute for each statement and a single Sync behind them:
 * no BEGIN, no COMMIT, and an error anywhere takes all of it back. The results count only once ReadyForQuery arrived,
 * because a deferred constraint or the commit itself may still fail after the last statement completed.
 */
import pg from "pg";
import type { StatementNames } from "./statement-names.ts";
import { toInteger } from "./values.ts";

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface StatementResult {
  readonly rows: unknown[];
  /** Rows inserted, updated, deleted or merged; 0 for everything else. */
  readonly count: number;
}

/** What the driver's connection offers; its own types describe only a part. */
interface WireConnection extends NodeJS.EventEmitter {
  readonly stream: { cork(): void; uncork(): void };
  /** Statements this connection has prepared, by name: shared with the driver's own queries. */
  readonly parsedStatements: Record<string, string>;
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: unknown[]; valueMapper(value: unknown): unknown }): void;
  describe(message: { type: "P"; name: string }): void;
  execute(message: { portal: string }): void;
  sync(): void;
}

type Field = { readonly name: string; readonly dataTypeID: number; readonly format: "text" | "binary" };
type Parser = (text: string) => unknown;

/** Whether the server can have acted on the statements when this error was thrown. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  /** True when the server said that it rolled back, or never received anything. */
  readonly nothingHappened: boolean;

  constructor(cause: unknown, nothingHappened: boolean) {
    super("A database statement failed.", { cause });
    this.nothingHappened = nothingHappened;
  }
}

/** Runs the statements on a connection of the pool. Rejects with PipelineError. */
export function runPipeline(client: pg.ClientBase, statements: readonly Statement[], names: StatementNames): Promise<StatementResult[]> {
  return new Promise((resolve, reject) => {
    // The driver accepts any object with `submit` and the handlers; its types only know its own classes.
    client.query(new Pipeline(statements, names, resolve, reject) as unknown as pg.Submittable);
  });
}

class Pipeline {
  readonly #statements: readonly Statement[];
  readonly #names: StatementNames;
  readonly #resolve: (results: StatementResult[]) => void;
  readonly #reject: (error: PipelineError) => void;
  readonly #results: StatementResult[] = [];
  readonly #awaitingParse: { name: string; text: string }[] = [];
  #connection: WireConnection | undefined;
  #rows: unknown[] = [];
  #columns: readonly string[] = [];
  #parsers: readonly Parser[] = [];
  #readError: unknown;
  #settled = false;

  constructor(
    statements: readonly Statement[],
    names: StatementNames,
    resolve: (results: StatementResult[]) => void,
    reject: (error: PipelineError) => void,
  ) {
    this.#statements = statements;
    this.#names = names;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: WireConnection): Error | null {
    const prepared = this.#statements.map(({ text, values }) => ({
      text,
      values: values.map(toWire),
      name: this.#names.nameOf(text) ?? "",
    }));
    this.#connection = connection;
    connection.on("parseComplete", this.#onParsed);
    const asked = new Set<string>();
    connection.stream.cork();
    try {
      for (const { text, values, name } of prepared) {
        if (name === "" || (connection.parsedStatements[name] === undefined && !asked.has(name))) {
          connection.parse({ text, name });
          this.#awaitingParse.push({ name, text });
          asked.add(name);
        }
        connection.bind({ portal: "", statement: name, values, valueMapper: (value) => value });
        connection.describe({ type: "P", name: "" });
        connection.execute({ portal: "" });
      }
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
    return null;
  }

  /** A named statement outlives the transaction it was parsed in, even when that one is rolled back. */
  readonly #onParsed = (): void => {
    const parsed = this.#awaitingParse.shift();
    if (parsed && parsed.name !== "") this.#connection!.parsedStatements[parsed.name] = parsed.text;
  };

  handleRowDescription(message: { fields: readonly Field[] }): void {
    this.#columns = message.fields.map((field) => field.name);
    this.#parsers = message.fields.map((field) => parserFor(field.dataTypeID));
  }

  handleDataRow(message: { fields: readonly (string | null)[] }): void {
    if (this.#readError !== undefined) return;
    try {
      const row: Record<string, unknown> = {};
      for (let index = 0; index < this.#columns.length; index++) {
        const text = message.fields[index] ?? null;
        row[this.#columns[index]!] = text === null ? null : this.#parsers[index]!(text);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#readError = error;
    }
  }

  handleCommandComplete(message: { text: string }): void {
    // `INSERT 0 5`, `UPDATE 5`; the tag of a select counts what it read.
    const [command = "", ...numbers] = message.text.split(" ");
    this.#finishStatement(changing.has(command) ? Number(numbers.at(-1)) : 0);
  }

  handleEmptyQuery(): void {
    this.#finishStatement(0);
  }

  handleReadyForQuery(): void {
    if (this.#settled) return;
    this.#settle();
    if (this.#readError !== undefined) this.#reject(new PipelineError(this.#readError, true));
    else this.#resolve(this.#results);
  }

  handleError(error: Error & { severity?: string }): void {
    if (this.#settled) return;
    const wasSent = this.#connection !== undefined;
    this.#settle();
    // ERROR: the server skips to the Sync and rolls back. FATAL, or a lost socket: it may have committed just before.
    this.#reject(new PipelineError(error, !wasSent || error.severity === "ERROR"));
  }

  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}

  #finishStatement(count: number): void {
    this.#results.push({ rows: this.#rows, count });
    this.#rows = [];
    this.#columns = [];
    this.#parsers = [];
  }

  #settle(): void {
    this.#settled = true;
    this.#connection?.off("parseComplete", this.#onParsed);
  }
}

const changing: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

const int8 = 20;
const numeric = 1700;

function parserFor(type: number): Parser {
  if (type === int8 || type === numeric) return toInteger;
  return pg.types.getTypeParser(type, "text") as Parser;
}

/** Numbers and booleans travel as text; everything else as the driver would send it (Better Auth binds dates). */
function toWire(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return JSON.stringify(value);
}
