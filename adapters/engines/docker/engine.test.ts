import { describe, it } from "vitest";
import { describeEngine } from "../conformance.ts";
import { dockerUnderTest, whyNoDocker } from "./fixtures.ts";

const reason = await whyNoDocker();

if (reason === undefined) describeEngine("docker", dockerUnderTest);
else describe("docker engine", () => it.skip(`passes the conformance suite (skipped: ${reason})`, () => {}));
