/**
 * Which user PostgreSQL runs as. It refuses to run as root, so for root it is the system's `postgres` user if there is
 * one, else `nobody`; no user is ever made. Anyone else runs it as themselves.
 */
import { readFile } from "node:fs/promises";
import { unavailable } from "@norns/kernel/errors";

/** Undefined: as the user we are. */
export type RunAs = { readonly uid: number; readonly gid: number; readonly name: string } | undefined;

export async function chooseUser(): Promise<RunAs> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const found = lines.find((line) => line[0] === name);
    const uid = Number(found?.[2]);
    const gid = Number(found?.[3]);
    if (Number.isInteger(uid) && uid > 0 && Number.isInteger(gid)) return { uid, gid, name };
  }
  throw unavailable(
    "postgres_no_user",
    "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody. Start Norns as another user, or set DATABASE_URL.",
  );
}
