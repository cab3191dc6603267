/** Questions at a terminal; without one, lines of standard input. Nothing is ever asked of a pipe that is empty. */
import { exitCodes, usageError } from "./exit.ts";

export async function askLine(question: string): Promise<string> {
  const readline = process.getBuiltinModule("node:readline/promises");
  const isTerminal = process.stdin.isTTY === true;
  if (!isTerminal) throw usageError("There is no terminal to ask at.", "Give --email, or an API key with --token.");
  const asker = readline.createInterface({ input: process.stdin, output: process.stderr });
  asker.once("SIGINT", () => process.exit(exitCodes.interrupted));
  try {
    // Ctrl-D closes without an answer, and some versions of Node then leave the question open for ever.
    const closed = new Promise<never>((_, reject) =>
      asker.once("close", () => reject(usageError("No answer was given; nothing was done."))),
    );
    return (await Promise.race([asker.question(question), closed])).trim();
  } finally {
    asker.close();
  }
}

/** Not shown while typed; from a pipe the first line. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true) {
    let text = "";
    for await (const chunk of stdin) {
      text += String(chunk);
      if (text.includes("\n")) break;
    }
    const [line = ""] = text.split("\n");
    if (line === "")
      throw usageError(
        "There is no terminal to ask at, and standard input is empty.",
        "Pipe the password in, or use an API key with --token.",
      );
    return line.replace(/\r$/, "");
  }
  stderr.write(question);
  stdin.setRawMode(true);
  try {
    let typed = "";
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (character === "\r" || character === "\n") return typed;
        if (character === "\u0003") process.exit(exitCodes.interrupted);
        if (character === "\u007f") typed = [...typed].slice(0, -1).join("");
        else typed += character;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
