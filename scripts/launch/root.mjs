/** The checkout's root directory. The launcher's files are plain JavaScript for Node 18 and later, with nothing installed. */
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Ends the launcher with one clear message; no stack, since nothing here is the reader's to debug. */
export function giveUp(message, code = 1) {
  process.stderr.write(`norns: ${message}\n`);
  process.exit(code);
}
