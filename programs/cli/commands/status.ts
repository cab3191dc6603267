import type { AppStatus } from "@norns/client";
import type { Command } from "../command.ts";
import type { Session } from "../session.ts";
import { openLiveBlock } from "../live-block.ts";
import { appState, healthyCount, wantedCount } from "../states.ts";
import { glyphs, table, type Terminal } from "../terminal.ts";
import { ago, plural, shortCommit } from "../words.ts";

export const status: Command = {
  group: "Apps",
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
  const block = terminal.isLive && !session.isJson ? openLiveBlock(terminal, { keeps: "start" }) : undefined;
  let latest = first;
  const draw = (apps: readonly AppStatus[]): void => {
    latest = apps;
    if (session.json(apps)) return;
    const lines = drawStatus(apps, terminal, Date.now());
    if (block) block.draw(lines);
    else for (const line of [...lines, ""]) terminal.line(line);
  };
  draw(first);
  let isStale = false;
  const refresh = setInterval(() => {
    if (!isStale) return;
    isStale = false;
    session.api("GET /api/apps", {}).then(draw, () => (isStale = true));
  }, 300);
  const tick = setInterval(() => (isStale = true), 5000);
  // "4 s ago" moves on by itself, and a window may have changed its width.
  const redraw = block && setInterval(() => block.draw(drawStatus(latest, terminal, Date.now())), 1000);
  try {
    for await (const _ of session.stream({ path: "/api/events" })) isStale = true;
  } finally {
    for (const timer of [refresh, tick, redraw]) clearInterval(timer);
    block?.close();
  }
}

export function drawStatus(apps: readonly AppStatus[], terminal: Terminal, now: number): string[] {
  if (apps.length === 0)
    return ["No apps yet.", "", "  norns init      writes infraspec.yaml for the repository you stand in", "  norns deploy    deploys it"];
  const rows = apps.map((app) => {
    const { state, words } = appState(app);
    return [
      `${terminal.paint(state, glyphs[state])} ${app.spec.name}`,
      words,
      app.release ? `${app.release.number}` : "",
      app.release ? shortCommit(app.release.commit) : "",
      app.isDeployed ? `${healthyCount(app)}/${wantedCount(app)}` : "",
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
