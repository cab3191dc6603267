/** From what git printed to what a person reads. Pure. Git's own text goes into the cause, never into the message. */
import { invalid, type NornsError, unavailable } from "@norns/kernel/errors";
import type { GitFailure } from "./git.ts";

export function toSourceError(failure: GitFailure, shown: string, token: "sent" | "none"): NornsError {
  const text = failure.result.stderr;
  const has = (pattern: RegExp): boolean => pattern.test(text);
  const refused = (message: string): NornsError => invalid("repository_refused", message, { cause: failure });
  if (
    has(
      /Authentication failed|could not read (Username|Password)|terminal prompts disabled|returned error: (401|403)|Permission denied|access denied/i,
    )
  ) {
    return refused(
      token === "sent"
        ? `${shown} refuses the credential. Does the token or key still exist, and may it read this repository?`
        : `${shown} asks for a credential. Set NORNS_GIT_TOKEN=<host>=<token> for https, or NORNS_GIT_SSH_KEY for ssh.`,
    );
  }
  if (has(/returned error: 30\d/)) return refused(`${shown} redirects to another address. Use the final address as \`repo:\`.`);
  if (
    has(
      /returned error: 404|repository .*not found|does not appear to be a git repository|does not exist|not valid: is this a git repository|no such repository/i,
    )
  ) {
    return refused(`There is no repository at ${shown}, or the credential cannot see it. Check the address.`);
  }
  if (has(/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/)) {
    return refused(
      `${shown} shows another host key than it did before. If that is meant, remove its line from known_hosts under NORNS_HOME.`,
    );
  }
  if (has(/certificate|SSL|TLS/)) return unavailable("repository_unreachable", `${shown} has no valid certificate.`, { cause: failure });
  if (has(/transport '.*' not allowed/)) return refused(`${shown} uses a protocol that is not allowed.`);
  if (has(/No space left on device/))
    return unavailable("disk_full", "The disk of NORNS_HOME is full. Make room, then try again.", { cause: failure });
  return unavailable("repository_unreachable", `${shown} could not be read (${reason(text)}). Check the address, or try again later.`, {
    cause: failure,
  });
}

function reason(text: string): string {
  if (/Could not resolve host/.test(text)) return "the name has no address";
  if (/Connection refused|Failed to connect|Couldn't connect/i.test(text)) return "the connection was refused";
  if (/timed out|too slow|Operation too slow/i.test(text)) return "it answers too slowly";
  if (/returned error: (\d+)/.test(text)) return `its server answered ${/returned error: (\d+)/.exec(text)![1]}`;
  return "its server ended the exchange";
}

/** The mirror on our disk is broken, rather than the other side. */
export function looksCorrupt(failure: GitFailure): boolean {
  return /corrupt|bad object|loose object|unable to read|not a git repository|bad config|inflate|packfile|index file|missing (blob|tree|commit)|broken|invalid sha1|not a valid object|fatal: bad|unable to parse/i.test(
    failure.result.stderr,
  );
}
