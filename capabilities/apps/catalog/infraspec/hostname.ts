/** Host names of endpoints: what a visitor's browser will send as `Host`, in one form. */

export type CheckedEndpoint = { readonly hostname: string; readonly hasPath: boolean } | { readonly wrong: string };

/**
 * The host of `https://shop.example.com`, or of `shop.example.com`: lower case, punycode, no port. Addresses and names
 * that Norns gives out itself (`localhost`, `*.localhost`) are refused: no app may take another's name or ours.
 */
export function checkEndpoint(written: string): CheckedEndpoint {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `https://${written}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    return { wrong: "must be an address such as https://shop.example.com." };
  if (url.username !== "" || url.password !== "") return { wrong: "must not contain a user or a password." };
  const hostname = url.hostname.replace(/\.$/, "");
  if (hostname.startsWith("[") || /^\d+(?:\.\d+){3}$/.test(hostname)) return { wrong: "must be a name, not an IP address." };
  if (hostname === "localhost" || hostname.endsWith(".localhost"))
    return { wrong: "must not end in `localhost`: those names are given out by Norns (`<app>.localhost`)." };
  if (hostname.length > 253 || !hostname.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/.test(label)))
    return { wrong: "is not a valid host name." };
  return { hostname, hasPath: url.pathname !== "/" || url.search !== "" || url.hash !== "" };
}
