/** Cookies between browser and app, with the control plane's own kept out of both directions. Pure. */

/** Says which cookies are the control plane's: `session` means `__Host-session` and `__Secure-session` too; `norns.*` means all that begin so. */
export function ownCookies(names: readonly string[]): (name: string) => boolean {
  const plain = (name: string): string =>
    name
      .trim()
      .toLowerCase()
      .replace(/^__(?:host|secure)-/, "");
  const exact = new Set(names.filter((name) => !name.endsWith("*")).map(plain));
  const prefixes = names.filter((name) => name.endsWith("*")).map((name) => plain(name.slice(0, -1)));
  return (name) => exact.has(plain(name)) || prefixes.some((prefix) => plain(name).startsWith(prefix));
}

/** A `Cookie` header without our own; undefined when nothing is left. */
export function withoutOwnCookies(header: string, isOwn: (name: string) => boolean): string | undefined {
  const kept = header.split(";").filter((pair) => pair.trim() !== "" && !isOwn(pair.split("=", 1)[0]!));
  return kept.length === 0 ? undefined : kept.join(";").trim();
}

/**
 * A `Set-Cookie` of an app as the browser may see it. Undefined when it carries one of our names: an app must not plant a
 * session. A `Domain` that would carry it to the control plane's host is taken out, which leaves the cookie to the app.
 */
export function filterSetCookie(header: string, isOwn: (name: string) => boolean, controlHostnames: readonly string[]): string | undefined {
  const [pair = "", ...attributes] = header.split(";");
  // Browsers store `=name=value` and a nameless value under surprising names: neither is let through.
  const name = pair.includes("=") ? pair.slice(0, pair.indexOf("=")).trim() : "";
  if (name === "" || isOwn(name)) return undefined;
  const kept = attributes.filter((attribute) => {
    const match = /^\s*domain\s*(?:=\s*"?\.?([^"]*?)\.?"?\s*)?$/i.exec(attribute);
    if (!match) return true;
    const domain = (match[1] ?? "").toLowerCase();
    return domain !== "" && !controlHostnames.some((host) => host === domain || host.endsWith(`.${domain}`));
  });
  return [pair, ...kept].join(";");
}
