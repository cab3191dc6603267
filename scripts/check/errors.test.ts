import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkErrors } from "./errors.ts";

let root: string;
const head = 'import { conflict, invalid } from "@norns/kernel/errors";\n';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "norns-errors-"));
  execFileSync("git", ["init", "-q"], { cwd: root });
  await mkdir(join(root, "docs"));
  await mkdir(join(root, "kernel"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const check = async (code: string, rows: string, isFix = false): Promise<string[]> => {
  await writeFile(join(root, "kernel/errors.ts"), head + code);
  await writeFile(
    join(root, "docs/errors.md"),
    `<!-- codes of the server -->\n${rows}<!-- /codes of the server -->\n<!-- codes of the command -->\n<!-- /codes of the command -->\n`,
  );
  return await checkErrors(root, { isFix });
};
const written = () => readFile(join(root, "docs/errors.md"), "utf8");
const row = "| `name_taken` | conflict | 409 | 1 | The name is taken. |";

it("adds a code that is new with its kind, status, exit code and message, and then agrees", async () => {
  const code = 'export const taken = () => conflict("name_taken", "The name is taken.");\n';
  expect(await check(code, "")).toEqual([expect.stringContaining("name_taken is missing")]);
  expect(await check(code, "", true)).toEqual([]);
  expect(await written()).toContain(`${row}\n`);
  expect(await checkErrors(root, { isFix: false })).toEqual([]);
});

it("refuses a code that is made nowhere, and takes it out when asked", async () => {
  expect(await check("", `${row}\n`)).toEqual([expect.stringContaining("name_taken is made nowhere")]);
  await check("", `${row}\n`, true);
  expect(await written()).not.toContain("name_taken");
});

it("refuses a status that is no longer true", async () => {
  const code = 'export const taken = () => invalid("name_taken", "The name is taken.");\n';
  await check(code, "", true);
  const rows = (await written()).split("\n").filter((line) => line.startsWith("| "));
  expect(await check(code, `${rows.join("\n").replace("| 400 |", "| 409 |")}\n`)).toEqual([expect.stringContaining("differs")]);
});

it("asks for a meaning where there is only a message with gaps", async () => {
  const code = 'export const taken = (name: string) => conflict("name_taken", `${name} is taken.`);\n';
  expect(await check(code, "", true)).toEqual([expect.stringContaining("say what name_taken means")]);
});

it("reads codes of a condition and of a parameter's type, and refuses one that cannot be read", async () => {
  const code = `
export const either = (is: boolean) => invalid(is ? "this_one" : "that_one", "Either.");
export const given = (code: "first_one" | "second_one") => invalid(code, "Given.");
`;
  expect(await check(code, "", true)).toEqual([]);
  for (const one of ["this_one", "that_one", "first_one", "second_one"]) expect(await written()).toContain(`\`${one}\``);
  expect(await check('export const any = (code: string) => invalid(code, "Any.");\n', "")).toEqual([
    expect.stringContaining("kernel/errors.ts:2"),
  ]);
});
