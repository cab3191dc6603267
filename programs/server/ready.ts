/** The one thing a person waits for: that it runs, where, and, on a fresh installation, the link that makes it theirs. */
import type { RunningServer } from "./compose.ts";

export async function sayReady(server: RunningServer, { version, isTerminal }: { version: string; isTerminal: boolean }): Promise<void> {
  const claim = await server.claimLink();
  const strong = (text: string) => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
  const lines = [
    server.url ? `Norns ${version} is ready: ${strong(server.url)}` : `Norns ${version} is ready: ${server.role}, without an address`,
    ...(claim ? [`Nobody has claimed it yet. Open this link once to make it yours: ${strong(claim)}`] : []),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
