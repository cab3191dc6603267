/** The answer to a name that is not ours: 421, with what to do about it. */
import { invalid, type NornsError } from "../errors/index.ts";

export const misdirected = (name: string | undefined): NornsError =>
  invalid(
    "misdirected",
    `${name ?? "The request's Host"} is not a name of this server. Use localhost or 127.0.0.1, or set NORNS_PUBLIC_URL to the address under which people reach it.`,
  );
