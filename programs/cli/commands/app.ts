import type { AppStatus, Release } from "@norns/client";
import type { Command } from "../command.ts";
import { appState, instanceState } from "../states.ts";
import { glyphs, plain, table, type Terminal } from "../terminal.ts";
import { ago, shortCommit } from "../words.ts";

export const app: Command = {
  group: "Apps",
  words: ["app"],
  about: "one app: processes, instances, releases",
  arguments: [{ name: "app", about: "the app's name", completes: "app" }],
  examples: [{ line: "norns app shop", about: "everything about the app shop" }],
  async run(given, session) {
    const id = given.arguments[0]!;
    const [status, releases] = await Promise.all([
      session.api("GET /api/apps/{id}", { params: { id } }),
      session.api("GET /api/apps/{id}/releases", { params: { id } }),
    ]);
    if (session.json({ ...status, releases })) return;
    const { terminal } = session;
    const now = Date.now();
    const { state, words } = appState(status);
    terminal.line(
      `${terminal.paint(state, glyphs[state])} ${terminal.bold(status.spec.name)}  ${words}  ${terminal.dim(`on ${status.engine}`)}`,
    );
    if (status.release)
      terminal.line(`  release ${status.release.number}  ${shortCommit(status.release.commit)}  ${ago(status.release.switchedAt, now)}`);
    for (const name of status.hostnames) terminal.line(`  ${name}`);
    if (Object.keys(status.desired).length > 0) lines(terminal, processes(status));
    if (status.allocations.length > 0) lines(terminal, instances(status, terminal, now));
    if (releases.length > 0) lines(terminal, latest(releases, now));
  },
};

function lines(terminal: Terminal, shown: readonly string[]): void {
  for (const line of ["", ...shown]) terminal.line(line);
}

function processes(status: AppStatus): string[] {
  const rows = Object.entries(status.desired).map(([process, count]) => {
    const healthy = status.allocations.filter((one) => one.process === process && one.isCurrent && one.healthy).length;
    return [process, `${healthy}/${count}`];
  });
  return table(["PROCESS", "UP#"], rows);
}

function instances(status: AppStatus, terminal: Terminal, now: number): string[] {
  const rows = status.allocations.map((one) => {
    const state = instanceState(one);
    return [
      one.id,
      one.process,
      `${terminal.paint(state, glyphs[state])} ${one.state}`,
      one.isCurrent ? "" : "old release",
      String(one.restarts),
      ago(one.startedAt, now),
      lastSign(one),
    ];
  });
  return table(["INSTANCE", "PROCESS", "STATE", "", "RESTARTS#", "STARTED", ""], rows);
}

/** How it ended, or what it answered when it was last asked. */
function lastSign({ exit, evidence }: AppStatus["allocations"][number]): string {
  if (exit) return plain(exit.reason ?? exit.signal ?? `exit code ${exit.code}`);
  if (evidence?.error) return plain(evidence.error);
  return evidence?.status ? `answered ${evidence.status}` : "";
}

function latest(releases: readonly Release[], now: number): string[] {
  const rows = releases
    .slice(0, 5)
    .map((release) => [
      String(release.number),
      release.isCurrent ? "current" : release.state,
      shortCommit(release.commitSha),
      plain(release.subject).slice(0, 50),
      ago(release.createdAt, now),
    ]);
  return table(["RELEASE#", "", "COMMIT", "SUBJECT", "BUILT"], rows);
}
