import { describe, it } from "vitest";
import { describeEngine } from "../conformance.ts";
import { dockerUnderTest, whyNoDocker } from "./fixtures.ts";

const reason = await whyNoDocker();

if (reason === undefined)
  describeEngine("docker", dockerUnderTest, {
    skip: [
      {
        test: "lets the program that a shell waits for finish",
        reason:
          "a container ends with its first program, as everywhere in Docker; a command of one program is that program (shell-command.ts)",
      },
    ],
  });
else describe("docker engine", () => it.skip(`passes the conformance suite (skipped: ${reason})`, () => {}));
