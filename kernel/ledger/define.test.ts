import { expect, test } from "vitest";
import { anOperation, untilStopped } from "./fixtures.ts";
import { retryPolicyOf } from "./queues.ts";

test("it refuses a definition whose names could not be stored", () => {
  expect(() => anOperation([], {})).toThrow("no steps");
  expect(() => anOperation([{ name: "a" }, { name: "a" }])).toThrow('two steps named "a"');
  expect(() => anOperation([{ name: "No Good" }])).toThrow("not lower-case");
  expect(() => anOperation([{}], { name: "deploy app" })).toThrow("room.verb");
  expect(() => anOperation([{ timeoutMs: 0 }])).toThrow("no time");
  expect(() => anOperation([{ undo: async () => {}, cannotUndo: "why", run: untilStopped }])).toThrow("both");
});

test("it has the seed systems' numbers for their queues", () => {
  expect(retryPolicyOf("deployments")).toEqual({ tries: 5, backoffMs: 3_000, factor: 2 });
  expect(retryPolicyOf("app-deployments")).toEqual({ tries: 2, backoffMs: 3_000, factor: 2 });
  expect(retryPolicyOf("clawhub-jobs").tries).toBe(1);
  expect(retryPolicyOf("backups")).toEqual({ tries: 2, backoffMs: 5_000, factor: 2 });
  expect(retryPolicyOf("alert-deliveries")).toEqual({ tries: 5, backoffMs: 1_000, factor: 2 });
});
