/** Guesses that a value of `env` is a secret: by its key, or by being a connection string or a well-known token. */
const keyMarkers = [
  "API_KEY",
  "AUTH_TOKEN",
  "CLIENT_SECRET",
  "CREDENTIAL",
  "DATABASE_URL",
  "DB_PASSWORD",
  "DSN",
  "PASSWORD",
  "PASSWD",
  "PRIVATE_KEY",
  "SECRET",
  "TOKEN",
];
const valuePattern =
  /^(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?):\/\/|^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----|^(?:ghp|gho|ghs|github_pat|glpat|xox[abp]|sk_live|AKIA)[-_A-Za-z0-9]{12,}/i;

export function looksSecret(key: string, value: string): boolean {
  const upper = key.toUpperCase().replaceAll("-", "_");
  return keyMarkers.some((marker) => upper.includes(marker)) || valuePattern.test(value);
}

export const masked = "********";

/** A URL without its password: `https://user:********@host/…`. */
export const maskUrl = (url: string): string =>
  url.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/@\s]*)@/i, (_, scheme: string, user: string) => {
    const name = user.split(":")[0];
    return user.includes(":") || scheme.startsWith("http")
      ? `${scheme}${user.includes(":") ? `${name}:` : ""}${masked}@`
      : `${scheme}${user}@`;
  });
