/** The log port: structured lines, children with bound fields. `createLog` masks secrets before anything is written. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Drops everything: for tests and the simulation. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

export { createLog, logLevels, type LogLevel, type LogOptions } from "./create-log.ts";
export { createMask, type Mask, type MaskStream } from "./mask.ts";
