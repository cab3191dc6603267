/**
 * `NORNS_HOME/credential`: how the command line on this machine gets in. `{url, token}`, readable by this user alone. A
 * token that is still good is kept, so that a restart signs nobody out.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accounts } from "@norns/capabilities/identity/accounts";
import type { Mask } from "@norns/kernel/log";
import { replaceFile } from "./home.ts";
import type { Node } from "./nodes.ts";

export interface CredentialDeps {
  readonly home: string;
  readonly url: string;
  readonly node: Node;
  readonly accounts: Accounts;
  readonly mask: Mask;
}

export async function writeCredential({ home, url, node, accounts, mask }: CredentialDeps): Promise<void> {
  const file = join(home, "credential");
  const kept = await readCredential(file);
  const token =
    kept && (await accounts.isLocalCredential(node.id, kept.token)) ? kept.token : (await accounts.localCredential(node.id)).token;
  mask.add(token);
  if (kept?.url !== url || kept.token !== token) await replaceFile(file, `${JSON.stringify({ url, token })}\n`);
}

async function readCredential(file: string): Promise<{ url: string; token: string } | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    const { url, token } = value as { url?: unknown; token?: unknown };
    return typeof url === "string" && typeof token === "string" ? { url, token } : undefined;
  } catch {
    // Missing, unreadable or half a file of somebody else's making: a new one takes its place.
    return undefined;
  }
}
