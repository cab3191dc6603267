import type { Command } from "../command.ts";
import { CommandError, exitCodes } from "../exit.ts";
import { glyphs, plain, table } from "../terminal.ts";
import { version as cliVersion } from "../version.ts";

export const health: Command = {
  group: "This installation",
  words: ["health"],
  about: "whether this installation is well, and what it runs on",
  exits: "0 well, 1 degraded, 5 unreachable",
  async run(_given, session) {
    const answer = await session.api("GET /api/health", {});
    // Health is open to anyone, how far apps are kept apart is not: shown to those who may see it.
    const engines = await session.api("GET /api/engines", {}).catch((error: unknown) => {
      if (error instanceof CommandError && error.exitCode === exitCodes.notAllowed) return undefined;
      throw error;
    });
    if (!session.json({ ...answer, ...(engines ? { engines } : {}) })) {
      const { terminal } = session;
      const isOk = answer.status === "ok";
      terminal.line(
        `${terminal.paint(isOk ? "ok" : "attention", isOk ? glyphs.ok : glyphs.attention)} ${isOk ? "all systems operational" : "degraded"}`,
      );
      for (const [name, state] of Object.entries(answer.services))
        terminal.line(`  ${terminal.paint(state === "up" ? "ok" : "failed", state === "up" ? glyphs.ok : glyphs.failed)} ${name}`);
      terminal.line();
      for (const [port, adapter] of Object.entries(answer.adapters))
        terminal.line(`  ${port.padEnd(10)} ${plain(typeof adapter === "string" ? adapter : adapter.join(", "))}`);
      for (const engine of engines ?? []) {
        terminal.line();
        terminal.line(`  ${engine.name}${engine.isAvailable ? "" : `: ${plain(engine.reason ?? "not available")}`}`);
        for (const fact of engine.isolation) terminal.line(terminal.dim(`    ${plain(fact)}`));
      }
    }
    return answer.status === "ok" ? exitCodes.done : exitCodes.failed;
  },
};

export const version: Command = {
  group: "This installation",
  words: ["version"],
  about: "the version of this command, and of the server when one answers",
  async run(_given, session) {
    const server = await session.api("GET /api/version", {}).catch(() => undefined);
    if (session.json({ cli: cliVersion, server: server?.version })) return;
    session.terminal.line(`norns   ${cliVersion}`);
    session.terminal.line(`server  ${server ? server.version : "none answers"}`);
  },
};

export const stats: Command = {
  group: "What happened",
  words: ["stats"],
  about: "today's deployments, instances, the longest running",
  async run(_given, session) {
    const answer = await session.api("GET /api/stats", {});
    if (session.json(answer)) return;
    const { terminal } = session;
    terminal.line(`apps           ${answer.appCount}`);
    terminal.line(`instances      ${answer.runningAllocs}/${answer.totalAllocs}`);
    terminal.line(`today          ${answer.deploys.total} deployments, ${answer.deploys.success} done, ${answer.deploys.failed} failed`);
    if (answer.deploys.mostPopularApp) terminal.line(`most deployed  ${answer.deploys.mostPopularApp} (${answer.deploys.mostPopularN})`);
    if (answer.uptimeLeaderboard.length === 0) return;
    terminal.line();
    for (const line of table(
      ["APP", "PROCESS", "UP", "NODE"],
      answer.uptimeLeaderboard.map((row) => [row.jobId, row.taskGroup, row.uptime, row.nodeName]),
    ))
      terminal.line(line);
  },
};
