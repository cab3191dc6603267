/**
 * Branded identifiers. An id is `<prefix>_<26 characters>`: 48 bits of time and 80 random bits in Crockford base 32
 * (the ULID layout, lower case), so ids of one kind sort by creation.
 */
import { z } from "zod";

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export const idPrefixes = {
  OperationId: "op",
  EventId: "evt",
  WorkspaceId: "ws",
  UserId: "usr",
  SessionId: "ses",
  ApiKeyId: "key",
  InvitationId: "inv",
  ReleaseId: "rel",
  InstanceId: "ins",
  NodeId: "node",
  AuditId: "aud",
  RequestId: "req",
} as const;

export type IdKind = keyof typeof idPrefixes;
export type Id<Kind extends IdKind> = Brand<string, Kind>;
export type OperationId = Id<"OperationId">;
export type EventId = Id<"EventId">;
export type WorkspaceId = Id<"WorkspaceId">;
export type UserId = Id<"UserId">;
export type SessionId = Id<"SessionId">;
export type ApiKeyId = Id<"ApiKeyId">;
export type InvitationId = Id<"InvitationId">;
export type ReleaseId = Id<"ReleaseId">;
export type InstanceId = Id<"InstanceId">;
export type NodeId = Id<"NodeId">;
export type AuditId = Id<"AuditId">;
export type RequestId = Id<"RequestId">;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const pattern = (prefix: string) => new RegExp(`^${prefix}_[${alphabet}]{26}$`);

/** What an id is made from. The simulation and the tests give their own. */
export interface IdSource {
  now(): number;
  randomBytes(length: number): Uint8Array;
}

export const systemIdSource: IdSource = { now: () => Date.now(), randomBytes: createRandomBytes() };

/** Drawn 4 KB at a time: a call costs 2 µs however little it asks for, and every event and request asks. Never given twice. */
function createRandomBytes(): (length: number) => Uint8Array {
  const drawn = new Uint8Array(4_096);
  let used = drawn.length;
  return (length) => {
    if (length > drawn.length) return crypto.getRandomValues(new Uint8Array(length));
    if (used + length > drawn.length) {
      crypto.getRandomValues(drawn);
      used = 0;
    }
    const given = drawn.slice(used, used + length);
    drawn.fill(0, used, used + length);
    used += length;
    return given;
  };
}

export function newId<Kind extends IdKind>(kind: Kind, source: IdSource = systemIdSource): Id<Kind> {
  let text = "";
  let time = source.now();
  for (let index = 0; index < 10; index++) {
    text = alphabet[time % 32]! + text;
    time = Math.floor(time / 32);
  }
  for (const byte of source.randomBytes(16)) text += alphabet[byte & 31]!;
  return `${idPrefixes[kind]}_${text}` as Id<Kind>;
}

/** The zod schema of one kind of id: refuses everything else, so a parsed id is safe in a path, a label or a log. */
export function idSchema<Kind extends IdKind>(kind: Kind) {
  return z
    .string()
    .regex(pattern(idPrefixes[kind]), `not a valid ${kind}`)
    .transform((value) => value as Id<Kind>);
}

/** App, process and volume names: the name in the spec, in labels, host names and directory names. */
export const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export type AppName = Brand<string, "AppName">;
export type ProcessName = Brand<string, "ProcessName">;
export const appNameSchema = z
  .string()
  .regex(namePattern, "must be 1 to 63 lower-case letters, digits and hyphens, not at the ends")
  .transform((value) => value as AppName);
export const processNameSchema = z
  .string()
  .regex(namePattern, "must be 1 to 63 lower-case letters, digits and hyphens, not at the ends")
  .transform((value) => value as ProcessName);
