import type { Command } from "../command.ts";
import { glyphs, plain, table, type State } from "../terminal.ts";
import { ago, shortCommit } from "../words.ts";
import { stateOf } from "./status.ts";

export const app: Command = {
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
    const { state, words } = stateOf(status);
    terminal.line(
      `${terminal.paint(state, glyphs[state])} ${terminal.bold(status.spec.name)}  ${words}  ${terminal.dim(`on ${status.engine}`)}`,
    );
    if (status.release)
      terminal.line(`  release ${status.release.number}  ${shortCommit(status.release.commit)}  ${ago(status.release.switchedAt, now)}`);
    for (const name of status.hostnames) terminal.line(`  ${name}`);
    const wanted = Object.entries(status.desired);
    if (wanted.length > 0) {
      terminal.line();
      const rows = wanted.map(([process, count]) => {
        const healthy = status.allocations.filter((one) => one.process === process && one.isCurrent && one.healthy).length;
        return [process, `${healthy}/${count}`];
      });
      for (const line of table(["PROCESS", "UP#"], rows)) terminal.line(line);
    }
    if (status.allocations.length > 0) {
      terminal.line();
      const rows = status.allocations.map((one) => [
        one.id,
        one.process,
        `${terminal.paint(instanceState(one), glyphs[instanceState(one)])} ${one.state}`,
        one.isCurrent ? "" : "old release",
        String(one.restarts),
        ago(one.startedAt, now),
        one.exit
          ? plain(one.exit.reason ?? (one.exit.signal ? one.exit.signal : `exit code ${one.exit.code}`))
          : (one.evidence?.error ?? (one.evidence?.status ? `answered ${one.evidence.status}` : "")),
      ]);
      for (const line of table(["INSTANCE", "PROCESS", "STATE", "", "RESTARTS#", "STARTED", ""], rows)) terminal.line(line);
    }
    if (releases.length > 0) {
      terminal.line();
      const rows = releases
        .slice(0, 5)
        .map((release) => [
          String(release.number),
          release.isCurrent ? "current" : release.state,
          shortCommit(release.commitSha),
          plain(release.subject).slice(0, 50),
          ago(release.createdAt, now),
        ]);
      for (const line of table(["RELEASE#", "", "COMMIT", "SUBJECT", "BUILT"], rows)) terminal.line(line);
    }
  },
};

function instanceState(one: { state: string; healthy?: boolean | undefined }): State {
  if (one.state === "running") return one.healthy === false ? "attention" : one.healthy ? "ok" : "working";
  if (one.state === "starting") return "working";
  return one.state === "exited" || one.state === "lost" ? "failed" : "stopped";
}
