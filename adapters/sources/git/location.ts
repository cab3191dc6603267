/**
 * From the text a user gave as `repo:` to a remote that git may be told. Pure. Only what is understood whole gets
 * through; every other transport of git (`ext::`, `fd::`, `git://`, `file://`, a bare path, an option) is refused here,
 * before git sees a byte of it, and refused a second time by `protocol.allow=never`.
 */
import { invalid, type NornsError } from "@norns/kernel/errors";

export interface Remote {
  readonly protocol: "https" | "http" | "ssh";
  /** Canonical: lower-case host, no user info for http(s), no query. The same repository has one such text. */
  readonly url: string;
  readonly hostname: string;
  readonly port: number;
  /** For people: without user name. */
  readonly shown: string;
}

// No dot at the end: curl drops it before it looks at the address that we pinned, and would resolve the name by itself.
const hostPattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$|^\[[0-9a-f:.]+\]$/;
const userPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
// Printable, no space, no quote, backslash, backtick, dollar, control characters: nothing a shell or a config file reads.
const pathPattern = /^\/[A-Za-z0-9._~/%+@=,:!-]+$/;

const refused = (why: string): NornsError =>
  invalid("repository_refused", `The repository address ${why}. Norns takes https://host/path and ssh addresses such as git@host:path.`);

export function toRemote(text: string): Remote {
  if (text.length > 2048) throw refused("is longer than 2048 characters");
  // As written, before any parser makes it tidy: nothing that a shell or a config file reads, and no way up.
  if (!/^[A-Za-z0-9._~/%+@=,:!?#[\]-]*$/.test(text) || /(^|[/:])\.\.(\/|$)/.test(text))
    throw refused("has characters that are not allowed in one");
  // Of encoded characters the space and letters beyond ASCII; git decodes them for ssh, and nothing else may appear then.
  if (/%(?!20|[89a-f][0-9a-f])/i.test(text)) throw refused("has an encoded character that is not allowed");
  const isScpLike = /^([^@/\s]+)@([^:/\s]+):(?!\/\/)(.+)$/.exec(text);
  const url = URL.parse(isScpLike ? `ssh://${isScpLike[1]}@${isScpLike[2]}/${isScpLike[3]!.replace(/^\/+/, "")}` : text);
  // `ext::sh -c …` parses as a URL of its own scheme in no reading of ours.
  if (url === null || text.startsWith("-") || /^[a-z0-9+.-]+::/i.test(text))
    throw refused("is not one that git over https or ssh could use");
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "https" && protocol !== "http" && protocol !== "ssh")
    throw refused(`uses ${url.protocol.slice(0, 20)}, which is not allowed`);
  if (url.search !== "" || url.hash !== "") throw refused("has a query or fragment");
  if (url.password !== "" || (protocol !== "ssh" && url.username !== "")) {
    throw invalid(
      "repository_refused",
      "The repository address carries a credential. Take it out of the address, where logs and specs would show it, and set NORNS_GIT_TOKEN.",
    );
  }
  // For ssh, which is no "special" scheme, the URL parser leaves the host as written; so it is held to the pattern here.
  const hostname = url.hostname.toLowerCase();
  if (!hostPattern.test(hostname)) throw refused("has no usable host name");
  if (!pathPattern.test(url.pathname) || url.pathname.includes("/-") || /(^|\/)\.\.(\/|$)/.test(url.pathname))
    throw refused("has a path with characters that are not allowed");
  if (url.username !== "" && !userPattern.test(url.username)) throw refused("has a user name that is not allowed");
  const path = url.pathname.replace(/\/+$/, "");
  if (path === "") throw refused("has no path");
  const port = Number(url.port || { https: 443, http: 80, ssh: 22 }[protocol]);
  const host = url.port === "" ? hostname : `${hostname}:${url.port}`;
  const user = protocol === "ssh" ? `${url.username === "" ? "git" : url.username}@` : "";
  return {
    protocol,
    url: `${protocol}://${user}${host}${path}`,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port,
    shown: `${protocol}://${host}${path}`,
  };
}
