import { expect, test } from "vitest";
import { createGroupCommit } from "./group-commit.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A group commit whose flushes the test lets through one by one. */
function aGroup(options: { rowsInFlush?: number; refuses?: (ids: string[]) => boolean } = {}) {
  const flushes: { ids: string[]; pass(): void }[] = [];
  const group = createGroupCommit<string, string>({
    idOf: (row) => row.split(" ")[0]!,
    flush: (rows) =>
      new Promise((resolve, reject) => {
        const ids = [...rows];
        flushes.push({
          ids,
          pass: () => (options.refuses?.(ids) ? reject(new Error(`refused ${ids.join()}`)) : resolve(ids.map((id) => `saved ${id}`))),
        });
      }),
    ...(options.rowsInFlush === undefined ? {} : { rowsInFlush: options.rowsInFlush }),
  });
  return { group, flushes };
}

test("it sends what is ready together, sorted, and answers each its own", async () => {
  const { group, flushes } = aGroup();
  const answers = Promise.all(["c", "a", "b"].map((row) => group.submit(row)));
  await settled();
  expect(flushes.map((flush) => flush.ids)).toEqual([["a", "b", "c"]]);
  flushes[0]!.pass();
  expect(await answers).toEqual(["saved c", "saved a", "saved b"]);
});

test("it has at most two flushes under way, of at most so many rows", async () => {
  const { group, flushes } = aGroup({ rowsInFlush: 2 });
  for (const row of ["a", "b", "c", "d", "e"]) void group.submit(row);
  await settled();
  expect(flushes.map((flush) => flush.ids)).toEqual([["a", "b"]]);
  void group.submit("f");
  await settled();
  expect(flushes.map((flush) => flush.ids)).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  flushes[1]!.pass();
  await settled();
  expect(flushes[2]!.ids).toEqual(["e", "f"]);
});

test("it never has one id under way twice", async () => {
  const { group, flushes } = aGroup();
  const [first, second] = [group.submit("a 1"), group.submit("a 2")];
  await settled();
  expect(flushes.map((flush) => flush.ids)).toEqual([["a 1"]]);
  flushes[0]!.pass();
  expect(await first).toBe("saved a 1");
  await settled();
  flushes[1]!.pass();
  expect(await second).toBe("saved a 2");
});

test("it lets one bad row fail alone", async () => {
  const { group, flushes } = aGroup({ refuses: (ids) => ids.includes("b") });
  const answers = Promise.allSettled(["a", "b", "c"].map((row) => group.submit(row)));
  for (let flush = 0; flush < 4; flush++) {
    await settled();
    flushes[flush]!.pass();
  }
  expect((await answers).map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});
