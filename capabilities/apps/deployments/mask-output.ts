/**
 * What a build prints is kept and shown, so credentials in it are covered first: those inside addresses, and the values
 * of given variables. Works line by line, so that a secret cut in two by a chunk's end is still found.
 */
import type { OutputSink } from "@norns/adapters/engines";

const credentialsInUrl = /([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@:]*:?[^\s/@]*@/gi;
const npmToken = /(_authToken\s*=\s*|_password\s*=\s*|[Bb]earer\s+)[^\s"']+/g;
/** A line longer than this is passed on in parts. */
const longestLine = 32 * 1024;
/** Shorter values are words, not secrets. */
const shortestSecret = 6;

export const maskText = (text: string, secrets: readonly string[]): string => {
  let masked = text.replace(credentialsInUrl, "$1***@").replace(npmToken, "$1***");
  for (const secret of secrets) if (secret.length >= shortestSecret) masked = masked.replaceAll(secret, "***");
  return masked;
};

/** The credentials that stand inside values, in the forms in which a program may print them. */
export function secretsIn(values: readonly string[]): string[] {
  const found = values.flatMap((value) => {
    if (!URL.canParse(value)) return [];
    const { password, username } = new URL(value);
    return [password || username].filter((part) => part.length >= shortestSecret).flatMap((part) => [decoded(part), part]);
  });
  return [...new Set(found.flatMap((secret) => [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)]))];
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
  /** Passes on lines that have no end yet. */
  flush(): void;
}

export function maskingSink(to: OutputSink, secrets: readonly string[]): MaskingSink {
  const text = new TextEncoder();
  const streams = { stdout: lineReader("stdout"), stderr: lineReader("stderr") };

  function lineReader(stream: "stdout" | "stderr") {
    const decoder = new TextDecoder();
    let open = "";
    const send = (line: string) => to(stream, text.encode(maskText(line, secrets)));
    return {
      write(chunk: Uint8Array) {
        open += decoder.decode(chunk, { stream: true });
        const end = open.lastIndexOf("\n") + 1;
        if (end > 0) {
          send(open.slice(0, end));
          open = open.slice(end);
        }
        if (open.length > longestLine) {
          send(open);
          open = "";
        }
      },
      flush() {
        open += decoder.decode();
        if (open !== "") send(open);
        open = "";
      },
    };
  }

  return {
    sink: (stream, chunk) => streams[stream].write(chunk),
    flush() {
      streams.stdout.flush();
      streams.stderr.flush();
    },
  };
}
