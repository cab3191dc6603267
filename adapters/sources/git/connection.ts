/**
 * How git reaches one origin: the single protocol it may speak, the address it may connect to, and the credential, which
 * travels in the environment (readable by the same user and root only), never on argv, in a file or in a mirror's config.
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isIP } from "node:net";
import type { Outbound } from "@norns/adapters/outbound";
import { invalid } from "@norns/kernel/errors";
import type { Remote } from "./location.ts";

/** Where commits come from: a repository elsewhere, or a directory of the catalogue with a `.git` of its own. */
export type Origin = { readonly kind: "remote"; readonly remote: Remote } | { readonly kind: "directory"; readonly path: string };

export interface Connection {
  /** Given to git before its command. */
  readonly config: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly url: string;
  /** The token in each form in which it travels, to be masked in what git prints. */
  readonly secrets: readonly string[];
}

export interface Credentials {
  /**
   * `NORNS_GIT_TOKEN`: `host=token` pairs with commas between, or one bare token. A bare token is sent to the public
   * forges only: an app may name any host as its repository, and would be handed the token otherwise.
   */
  readonly gitToken?: string;
  /** `NORNS_GIT_SSH_KEY`: path of a private key file. */
  readonly sshKey?: string;
}

const publicForges = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitea.com"];

/** The hosts (with a port, when it is not the protocol's own) that each token is for. */
export function toTokens(text: string | undefined): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  if (text === undefined || text === "") return tokens;
  const isPairs = /^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?=.|^localhost(:\d+)?=./i.test(text);
  if (!isPairs) for (const host of publicForges) tokens.set(host, text);
  else {
    for (const pair of text.split(",")) {
      const at = pair.indexOf("=");
      if (at < 1 || at === pair.length - 1)
        throw invalid("config_invalid", "NORNS_GIT_TOKEN is a token, or host=token pairs with commas between.");
      tokens.set(pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim());
    }
  }
  // A line break would let a token add header lines of its own.
  for (const token of tokens.values())
    if (!/^[\x21-\x7e]+$/.test(token))
      throw invalid("config_invalid", "NORNS_GIT_TOKEN has a space, a line break or another character that no token has.");
  return tokens;
}

/** ssh as git starts it. Fixed text: everything that varies comes through the environment and is quoted. */
const sshProgram = `#!/bin/sh
exec ssh -F /dev/null -i "$NORNS_SSH_KEY" -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \\
  -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=\\"$NORNS_SSH_KNOWN_HOSTS\\"" -o GlobalKnownHostsFile=/dev/null \\
  -o "HostName=$NORNS_SSH_ADDRESS" -o "HostKeyAlias=$NORNS_SSH_ALIAS" -o CheckHostIP=no -o ProxyCommand=none -o ProxyJump=none \\
  -o ClearAllForwardings=yes -o ForwardAgent=no -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 "$@"
`;

/** Our own `gitconfig`. `safe.directory` is the one setting that git takes from a file only when it serves a directory. */
const gitConfig = "[safe]\n\tdirectory = *\n[uploadpack]\n\tallowAnySHA1InWant = true\n";

export async function prepareGitHome(home: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(join(home, "gitconfig"), gitConfig, { mode: 0o600 });
  await writeFile(join(home, "ssh"), sshProgram, { mode: 0o700 });
  await chmod(join(home, "ssh"), 0o700);
}

export function createConnector(deps: { home: string; outbound: Outbound; credentials: Credentials }) {
  const tokens = toTokens(deps.credentials.gitToken);

  return async function connect(origin: Origin, signal: AbortSignal): Promise<Connection> {
    if (origin.kind === "directory") return { config: ["-c", "protocol.file.allow=always"], env: {}, url: origin.path, secrets: [] };
    const { remote } = origin;
    const { address } = await deps.outbound.pin(remote.hostname, signal);
    const config = ["-c", `protocol.${remote.protocol}.allow=always`];
    if (remote.protocol === "ssh") {
      if (deps.credentials.sshKey === undefined) {
        throw invalid(
          "repository_refused",
          `${remote.shown} is reached by ssh, which needs a key. Set NORNS_GIT_SSH_KEY to a private key file, or use the repository's https address.`,
        );
      }
      const env = {
        GIT_SSH: join(deps.home, "ssh"),
        GIT_SSH_VARIANT: "ssh",
        NORNS_SSH_KEY: deps.credentials.sshKey,
        NORNS_SSH_ADDRESS: address,
        NORNS_SSH_ALIAS: `${remote.hostname}:${remote.port}`,
        NORNS_SSH_KNOWN_HOSTS: join(deps.home, "known_hosts"),
      };
      return { config, env, url: remote.url, secrets: [] };
    }
    // Plain http shows the app's source and the token to the network: taken on the machine itself only, for tests.
    if (remote.protocol === "http" && !address.startsWith("127.") && address !== "::1") {
      throw invalid(
        "repository_refused",
        `${remote.shown} is plain http, which anyone on the way can read and change. Use its https address.`,
      );
    }
    if (isIP(remote.hostname) === 0) {
      config.push("-c", `http.curloptResolve=${remote.hostname}:${remote.port}:${address.includes(":") ? `[${address}]` : address}`);
    }
    const url = new URL(remote.url);
    const token = tokens.get(url.host) ?? tokens.get(remote.hostname);
    if (token === undefined) return { config, env: {}, url: remote.url, secrets: [] };
    const basic = Buffer.from(`${remote.hostname === "bitbucket.org" ? "x-token-auth" : "x-access-token"}:${token}`).toString("base64");
    return {
      config,
      env: {
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: `http.${url.origin}/.extraHeader`,
        GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
      },
      url: remote.url,
      secrets: [token, basic, encodeURIComponent(token), Buffer.from(token).toString("base64")],
    };
  };
}
