/** A free port for an instance: below the range from which the kernel gives out ports by itself. */
import { createServer } from "node:net";

const lowest = 20_000;
const highest = 32_000;

/**
 * Looks from a place that differs by home, so that two installations on one machine rarely ask for the same. A port
 * that anything listens on, on any address, is passed over.
 */
export async function pickPort(options: { taken: ReadonlySet<number>; preferred?: number; seed: number }): Promise<number> {
  const span = highest - lowest;
  if (options.preferred !== undefined && (await isFree(options.preferred))) return options.preferred;
  for (let step = 0; step < span; step++) {
    const port = lowest + ((options.seed + step) % span);
    if (!options.taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${lowest} and ${highest}`);
}

async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, "::")) ?? (await canListen(port, "0.0.0.0")) ?? false;
}

/** Null when this machine has no such address family. */
function canListen(port: number, host: string): Promise<boolean | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL" ? null : false),
    );
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
