/**
 * The small shell that is an instance's parent. It outlives the supervisor, so an exit code is never lost: it says the
 * code on descriptor 3 and stays, holding the pipes with the last output, until a supervisor has heard it and says `ok`
 * on descriptor 4. `again` makes it repeat (a successor asks so). The app gets neither descriptor. The traps are not
 * inherited as ignored: a trap with a command is reset for children.
 */
export const wrapperScript = `umask 027
trap : HUP INT QUIT TERM USR1 USR2
"$@" 3>&- 4>&-
code=$?
while :; do
  echo "exit $code" >&3
  IFS= read -r word <&4 || sleep 1
  [ "$word" = ok ] && exit "$code"
done`;

const signals: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/** A shell tells a signal as 128 + its number. */
export function fromShellCode(code: number): { code: number | null; signal: string | null } {
  const signal = signals[code - 128];
  return signal ? { code: null, signal } : { code, signal: null };
}
