import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { bug, conflict } from "../errors/index.ts";
import { keyIdOf, type EncryptionKey } from "./key.ts";

export interface VaultKeys {
  /** Everything is sealed under this one. */
  readonly key: EncryptionKey;
  /** Keys that older secrets were sealed under: opened, never used for sealing. */
  readonly earlierKeys?: readonly EncryptionKey[];
}

export interface Vault {
  readonly keyId: string;
  /**
   * Seals text for one place: `context` names the row and field it belongs to, and only the same context opens it, so a
   * sealed value cannot be moved to another owner's row. Each call gives another text.
   */
  seal(plain: string, context: string): string;
  /**
   * Throws `conflict` `vault_key_missing` when it was sealed under a key that is not given, and `bug`
   * `vault_broken_seal` when it was changed or belongs elsewhere. Neither shows anything of the value.
   */
  open(sealed: string, context: string): string;
  /** The same secret under the current key; undefined when it is already. */
  reseal(sealed: string, context: string): string | undefined;
  /** True for what `seal` made under any key. */
  isSealed(text: string): boolean;
}

/** `n1.<key id>.<base64url of nonce, ciphertext, tag>`. */
const format = /^n1\.([0-9a-f]{12})\.([A-Za-z0-9_-]{38,})$/;
const nonceLength = 12;
const tagLength = 16;

export function createVault({ key, earlierKeys = [] }: VaultKeys): Vault {
  const keys = new Map([...earlierKeys, key].map((each) => [keyIdOf(each), each]));
  const keyId = keyIdOf(key);

  const parse = (sealed: string): { id: string; bytes: Buffer } => {
    const [, id, body] = format.exec(sealed) ?? [];
    if (id === undefined || body === undefined) throw brokenSeal();
    return { id, bytes: Buffer.from(body, "base64url") };
  };

  const vault: Vault = {
    keyId,
    seal(plain, context) {
      const nonce = randomBytes(nonceLength);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(boundTo(keyId, context));
      const body = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `n1.${keyId}.${body.toString("base64url")}`;
    },
    open(sealed, context) {
      const { id, bytes } = parse(sealed);
      const known = keys.get(id);
      if (!known)
        throw conflict(
          "vault_key_missing",
          `A secret was sealed under a key (${id}) that this server does not have. Add that key to the earlier ones, or set the secret again.`,
          {
            details: { keyId: id },
          },
        );
      const decipher = createDecipheriv("aes-256-gcm", known, bytes.subarray(0, nonceLength), { authTagLength: tagLength });
      decipher.setAAD(boundTo(id, context));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagLength));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceLength, bytes.length - tagLength)), decipher.final()]).toString("utf8");
      } catch {
        // The cause says nothing more, and nothing of a secret may travel with it.
        throw brokenSeal();
      }
    },
    reseal(sealed, context) {
      return parse(sealed).id === keyId ? undefined : vault.seal(vault.open(sealed, context), context);
    },
    isSealed: (text) => format.test(text),
  };
  return vault;
}

const boundTo = (keyId: string, context: string): Buffer => Buffer.from(`norns:n1:${keyId}:${context}`, "utf8");

const brokenSeal = () =>
  bug("vault_broken_seal", "A stored secret cannot be opened: it was changed, or belongs to something else. Set it again.");
