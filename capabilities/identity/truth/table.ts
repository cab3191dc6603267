/**
 * The truth table: who a caller is, by way of being let in, whether the installation is claimed, where it listens, and
 * what the caller brings. Data: docs/truth-table.md is written from it, and a test walks it against a real router.
 */
export const modes = ["closed", "api token", "Cloudflare Access", "open", "all but open"] as const;
export type Mode = (typeof modes)[number];

export const binds = ["loopback", "public"] as const;
export type Bind = (typeof binds)[number];

export const credentials = [
  "nothing",
  "a session, as bearer",
  "a session's cookie",
  "an API key",
  "NORN_API_TOKEN",
  "a wrong bearer token",
  "NORNS_HOME/credential",
  "Cloudflare: a member",
  "Cloudflare: somebody invited",
  "Cloudflare: somebody unknown",
  "Cloudflare: forged, foreign or expired",
  "nothing, from a page of another origin",
  "nothing, through a proxy",
] as const;
export type Credential = (typeof credentials)[number];

/** What `GET /api/workspaces` answers: the caller's role in `default`, or the refusal. */
export type Outcome = "viewer" | "editor" | "admin" | "owner" | 401 | "403 no_workspace" | "no start" | "cannot be";

type Row = Readonly<Record<Mode, Outcome>>;
const everywhere = (outcome: Outcome): Row => ({
  closed: outcome,
  "api token": outcome,
  "Cloudflare Access": outcome,
  open: outcome,
  "all but open": outcome,
});
const whereCloudflare = (outcome: Outcome): Row => ({
  ...everywhere(401),
  "Cloudflare Access": outcome,
  "all but open": outcome,
  // Not looked at where it is not configured: the caller brought nothing that counts.
  open: "admin",
});

/** On loopback, claimed. The session and its cookie are the owner's. */
const table: Readonly<Record<Credential, Row>> = {
  nothing: { ...everywhere(401), open: "admin" },
  "a session, as bearer": everywhere("owner"),
  "a session's cookie": everywhere("owner"),
  "an API key": everywhere("editor"),
  NORN_API_TOKEN: { ...everywhere(401), "api token": "admin", "all but open": "admin" },
  "a wrong bearer token": everywhere(401),
  "NORNS_HOME/credential": everywhere("owner"),
  "Cloudflare: a member": whereCloudflare("owner"),
  "Cloudflare: somebody invited": whereCloudflare("viewer"),
  "Cloudflare: somebody unknown": whereCloudflare("403 no_workspace"),
  "Cloudflare: forged, foreign or expired": whereCloudflare(401),
  "nothing, from a page of another origin": everywhere(401),
  "nothing, through a proxy": everywhere(401),
};

/** Before the claim there are no people, so nothing of theirs can be brought. */
const needsPeople: readonly Credential[] = [
  "a session, as bearer",
  "a session's cookie",
  "an API key",
  "Cloudflare: a member",
  "Cloudflare: somebody invited",
];

export function outcomeOf(mode: Mode, isClaimed: boolean, bind: Bind, credential: Credential): Outcome {
  if (mode === "open" && bind === "public") return "no start";
  if (!isClaimed && needsPeople.includes(credential)) return "cannot be";
  return table[credential][mode];
}
