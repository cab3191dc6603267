/**
 * A user's command string goes to `sh -c` whole. A shell that only waits for one program is in the way: a drain signal
 * ends the shell first, and with it the container or the instance, while the program is still finishing. So a command
 * that is plainly one program, words without any meaning to a shell, gets `exec` in front and takes the shell's place
 * (as bash does by itself and dash does not). Everything else is left exactly as it was written.
 */
const plainWords = /^[A-Za-z0-9_@%+:,./=-]+(?:[ \t]+[A-Za-z0-9_@%+:,./=-]+)*$/;

/** What `exec` cannot start, because it is no program, or is one with another meaning. */
const shellWords = new Set(
  (
    ". : alias bg break case cd command continue do done elif else esac eval exec exit export fc fg fi for function getopts hash if in jobs local " +
    "read readonly return set shift source then time times trap type ulimit umask unalias unset until wait while"
  ).split(" "),
);

/** The text for `sh -c`: `exec node server.js` for `node server.js`; `npm ci && node .` as it is. */
export function toShellText(command: string): string {
  const text = command.trim();
  const [first = ""] = text.split(/[ \t]/);
  // `NAME=value program` sets a variable for the program: a shell's matter.
  if (!plainWords.test(text) || first.includes("=") || shellWords.has(first)) return command;
  return `exec ${text}`;
}
