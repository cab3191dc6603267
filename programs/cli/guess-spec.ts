/** The files of a directory, as the guesser of the catalogue wants them. In a chunk of its own: only `init` needs it. */
import { guessInfraspec } from "@norns/capabilities/apps/infraspec";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

export function guessFor(directory: string): { text: string; guesses: readonly string[] } {
  const names = fs.readdirSync(directory);
  return guessInfraspec({
    folder: path.basename(directory),
    names,
    read: (name) => {
      const file = path.join(directory, name);
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      return stat?.isFile() && stat.size < 1_000_000 ? fs.readFileSync(file, "utf8") : undefined;
    },
  });
}
