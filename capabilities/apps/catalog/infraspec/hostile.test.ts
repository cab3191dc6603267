import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minimal, withLines } from "./fixtures.ts";
import { parseInfraspec } from "./parse.ts";
import { exampleInfraspec } from "./document.ts";

const bomb = (levels: number): string =>
  `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: levels }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join(", ")}]`).join("\n")}\n`;

describe("[I10] a hostile infraspec", () => {
  const hostile: [string, string][] = [
    ["10 MB", `name: ${"x".repeat(10_000_000)}`],
    ["a bomb of aliases", `${minimal}${bomb(30)}`],
    [
      "a bomb of aliases where they are read",
      `name: a\nsecrets: &s [A, B]\nprocesses:\n${Array.from({ length: 40 }, (_, index) => `  p${index}: &p${index} { command: x, env: { A: b } }`).join("\n")}\nvolumes: ${"[".repeat(2000)}`,
    ],
    ["a file that contains itself", "name: a\nprocesses: &p { web: { command: x, env: *p } }"],
    ["25 lists in lists, where nobody reads them", `${minimal}x: ${"[".repeat(25)}${"]".repeat(25)}\n`],
    ["20,000 values, where nobody reads them", `${minimal}x: [${"a,".repeat(20_000)}]\n`],
    ["100,000 lists in lists", "[".repeat(100_000)],
    ["60,000 items in items", `${"- ".repeat(60_000)}a`],
    ["30,000 blocks in blocks", "{a: ".repeat(30_000)],
    [
      "50,000 keys",
      Array.from({ length: 50_000 }, (_, index) => `k${index}:`)
        .join("\n")
        .slice(0, 250_000),
    ],
    ["200,000 quotes", '"'.repeat(200_000)],
    ["a key that is a list", "? [a]\n: b"],
    ["a key that is an alias", "a: &x b\n*x : c"],
    ["a tag of its own", 'name: !!js/function "function(){}"\nprocesses: { w: { command: x } }'],
    ["several documents", `${minimal}---\n${minimal}`],
    ["a NUL", "name: a\u0000b"],
    ["control characters", 'name: a\nprocesses: { w: { command: "a\\x1b]52;c;x\\x07" } }'],
    ["half a surrogate", 'name: "\\ud800"\nprocesses: { w: { command: x } }'],
    ["1,000 processes", `name: a\nprocesses:\n${Array.from({ length: 1000 }, (_, index) => `  p${index}: { command: x }`).join("\n")}`],
    ["an endless number", "name: a\nprocesses: { w: { command: x, port: .inf } }"],
    ["no number", "name: a\nprocesses: { w: { command: x, scaling: { min: .nan } } }"],
  ];
  it.each(hostile)("of %s is an error, soon, and no throw", (_, text) => {
    const begin = process.threadCpuUsage();
    const { spec, findings } = parseInfraspec(text);
    // Its own time, in microseconds: how busy the machine is besides does not matter.
    expect(process.threadCpuUsage(begin).user).toBeLessThan(4_000_000);
    expect(spec).toBeNull();
    expect(findings.some(({ severity }) => severity === "error")).toBe(true);
    expect(findings.length).toBeLessThanOrEqual(201);
    expect(JSON.stringify(findings).length).toBeLessThan(100_000);
  });

  it("of any text at all gives findings, and an error exactly if there is no spec", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "name",
        "processes",
        "web",
        ": ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a ",
        "!!",
        "|",
        ">",
        '"',
        "'",
        "#",
        "?",
        "<<",
        "~",
        "port: 80",
        "command: x",
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const { spec, findings } = parseInfraspec(pieces.join(""));
        expect(spec === null).toBe(findings.some(({ severity }) => severity === "error"));
      }),
      { numRuns: 1500 },
    );
  });

  it("of a good file with any value replaced gives findings, never a throw", () => {
    const lines = exampleInfraspec()
      .split("\n")
      .filter((each) => each.trim() !== "" && !each.trim().startsWith("#"));
    const value = fc.constantFrom(
      "[]",
      "{}",
      "~",
      "-1",
      "1e99",
      ".nan",
      "true",
      '""',
      "[1, [2]]",
      "{ a: { b: c } }",
      "2001-01-01",
      "'\\'",
      "0x10",
      "- a",
      "*x",
      "__proto__",
      `"${"y".repeat(9000)}"`,
    );
    fc.assert(
      fc.property(fc.nat(lines.length - 1), value, (at, replacement) => {
        const text = lines
          .map((each, index) => (index === at ? `${each.slice(0, each.indexOf(":") + 1)} ${replacement}` : each))
          .join("\n");
        const { spec, findings } = parseInfraspec(text);
        expect(spec === null).toBe(findings.some(({ severity }) => severity === "error"));
      }),
      { numRuns: 500 },
    );
  });
});

describe("[I11] keys that reach a prototype", () => {
  it.each(["__proto__", "constructor", "prototype"])("are refused wherever they stand: %s", (key) => {
    for (const text of [
      `${key}: { polluted: true }\n${minimal}`,
      withLines(`env: { ${key}: x }`),
      withLines(`unknown: { deep: { ${key}: { polluted: true } } }`),
      `name: a\nprocesses: { "${key}": { command: x } }`,
    ]) {
      const { spec, findings } = parseInfraspec(text);
      expect(spec).toBeNull();
      expect(findings[0]).toMatchObject({ severity: "error", field: key });
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("[I9] escape sequences in a file", () => {
  it("reach no finding", () => {
    const { findings } = parseInfraspec(
      'name: "a\\e]0;x\\a"\n"k\\e[2J": 1\nengine: "\\e[31mvm"\nprocesses: { "w\\u202E": { command: x } }',
    );
    expect(findings.length).toBeGreaterThan(3);
    expect(JSON.stringify(findings)).not.toMatch(/\\u001b|\\u0007|\u202E/);
  });
});
