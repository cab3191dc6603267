import type { Command } from "../command.ts";
import { readOutput, showOutput } from "../step-output.ts";

export const output: Command = {
  group: "What happened",
  words: ["output"],
  about: "what the build, test and migrations of a deployment printed",
  arguments: [
    { name: "operation", about: "the deployment's id" },
    { name: "step", about: "only one step: build, test, migrate", isOptional: true },
  ],
  options: [{ name: "follow", short: "f", about: "go on until it is over" }],
  examples: [{ line: "norns output op_01k… build", about: "the whole build" }],
  async run(given, session) {
    const [id, step] = given.arguments as [string, string | undefined];
    for await (const chunk of readOutput(session, id, { step, follow: given.isSet("follow") })) {
      if (session.isJson) session.terminal.line(JSON.stringify(chunk));
      else for (const line of showOutput(chunk, session.terminal)) session.terminal.line(line);
    }
  },
};
