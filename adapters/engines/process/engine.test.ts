import { describeEngine } from "../conformance.ts";
import { aProcessEngine } from "./testing.ts";

describeEngine("process", () => aProcessEngine());
