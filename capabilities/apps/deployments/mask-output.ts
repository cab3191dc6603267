/**
 * What a build prints is kept and shown, so credentials in it are covered first: those that stand where credentials
 * stand (kernel/log), and the values of given variables, in every form in which a program may print them.
 */
import type { OutputSink } from "@norns/adapters/engines";
import { looksSecret } from "@norns/capabilities/apps/catalog";
import { createMask } from "@norns/kernel/log";

/** Of these variables: the values whose name or form says that they are secret, and the credentials inside addresses. */
export function secretsIn(variables: Readonly<Record<string, string>>): string[] {
  const found = Object.entries(variables).flatMap(([name, value]) => {
    if (!URL.canParse(value)) return looksSecret(name, value) ? [value] : [];
    const { password, username } = new URL(value);
    const part = password || username;
    return [...(looksSecret(name, "") ? [value] : []), decoded(part), part];
  });
  return [...new Set(found)];
}

/** A stray % is part of the secret as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export interface MaskingSink {
  readonly sink: OutputSink;
  /** Passes on what may still have become a secret. */
  flush(): void;
}

/** A secret that was cut in two by a chunk's end is found; a line that has ended is passed on at once. */
export function maskingSink(to: OutputSink, secrets: readonly string[]): MaskingSink {
  const mask = createMask(secrets);
  const streams = { stdout: mask.stream(), stderr: mask.stream() };
  const text = new TextEncoder();
  const send = (stream: keyof typeof streams, masked: string) => {
    if (masked !== "") to(stream, text.encode(masked));
  };
  return {
    sink: (stream, chunk) => send(stream, streams[stream].write(chunk)),
    flush() {
      send("stdout", streams.stdout.end());
      send("stderr", streams.stderr.end());
    },
  };
}
