import type { AppStatus } from "@norns/client";
import type { Command } from "../command.ts";
import type { Session } from "../session.ts";
import { glyphs, table, type State, type Terminal } from "../terminal.ts";
import { ago, plural, shortCommit } from "../words.ts";

export const status: Command = {
  words: ["status"],
  about: "all apps: state, release, processes",
  options: [{ name: "watch", about: "stay and redraw as things change" }],
  examples: [
    { line: "norns status", about: "once" },
    { line: "norns status --watch", about: "live, until Ctrl-C" },
    { line: "norns status --json | jq '.[] | select(.healthy | not) | .spec.name'", about: "the unhealthy ones" },
  ],
  async run(given, session) {
    const apps = await session.api("GET /api/apps", {});
    if (!given.isSet("watch")) {
      if (!session.json(apps)) for (const line of drawStatus(apps, session.terminal, Date.now())) session.terminal.line(line);
      return;
    }
    await watch(apps, session);
  },
};

async function watch(first: readonly AppStatus[], session: Session): Promise<void> {
  const { terminal } = session;
  let drawn = 0;
  const draw = (apps: readonly AppStatus[]): void => {
    if (session.json(apps)) return;
    const lines = drawStatus(apps, terminal, Date.now());
    if (terminal.isLive) terminal.write(`${drawn > 0 ? `\u001b[${drawn}A` : ""}\u001b[J`);
    for (const line of lines) terminal.line(line);
    if (!terminal.isLive) terminal.line();
    drawn = lines.length;
  };
  draw(first);
  let isStale = false;
  const refresh = setInterval(() => {
    if (!isStale) return;
    isStale = false;
    session.api("GET /api/apps", {}).then(draw, () => (isStale = true));
  }, 300);
  const tick = setInterval(() => (isStale = true), 5000);
  try {
    for await (const _ of session.stream({ path: "/api/events" })) isStale = true;
  } finally {
    clearInterval(refresh);
    clearInterval(tick);
  }
}

export function drawStatus(apps: readonly AppStatus[], terminal: Terminal, now: number): string[] {
  if (apps.length === 0)
    return ["No apps yet.", "", "  norns init      writes infraspec.yaml for the repository you stand in", "  norns deploy    deploys it"];
  const rows = apps.map((app) => {
    const { state, words } = stateOf(app);
    const wanted = Object.values(app.desired).reduce((sum, count) => sum + count, 0);
    return [
      `${terminal.paint(state, glyphs[state])} ${app.spec.name}`,
      words,
      app.release ? `${app.release.number}` : "",
      app.release ? shortCommit(app.release.commit) : "",
      app.isDeployed ? `${app.allocations.filter((one) => one.isCurrent && one.healthy).length}/${wanted}` : "",
      app.release ? ago(app.release.switchedAt, now) : "",
      app.hostnames[0] ?? "",
    ];
  });
  const healthy = apps.filter((app) => app.healthy).length;
  return [
    ...table(["APP", "STATE", "RELEASE#", "COMMIT", "UP#", "SINCE", "NAME"], rows),
    "",
    `${plural(apps.length, "app")}, ${healthy} healthy`,
  ];
}

/** The state of an app in the glyphs' terms and in words. */
export function stateOf(app: AppStatus): { state: State; words: string } {
  if (!app.isDeployed)
    return app.isValid ? { state: "unknown", words: "not deployed" } : { state: "attention", words: "spec is not valid" };
  if (app.healthy) return { state: "ok", words: app.isAbsent ? "running, spec is gone" : "running" };
  const wanted = Object.values(app.desired).reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return { state: "stopped", words: "scaled to zero" };
  const healthy = app.allocations.filter((one) => one.isCurrent && one.healthy).length;
  return healthy > 0 ? { state: "attention", words: "partly up" } : { state: "failed", words: "down" };
}
