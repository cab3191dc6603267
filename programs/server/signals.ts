/**
 * Being told to stop. A terminal's Ctrl-C reaches the server more than once (from the terminal, from npm, from the
 * launcher): what comes within a second is one wish. A later one means "now".
 */
const oneWishMs = 1_000;

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a further one after a second ends the process on the spot. */
export function onStop(atOnce: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (first === undefined) {
        first = performance.now();
        atOnce();
        resolve(signal);
      } else if (performance.now() - first > oneWishMs) {
        process.stderr.write("norns: ending now, without waiting\n");
        process.exit(130);
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
}
