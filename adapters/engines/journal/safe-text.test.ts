import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toSafeText } from "./safe-text.ts";

describe("safe text", () => {
  it("leaves plain text as it is, tabs and any script included", () => {
    for (const text of ["", "plain", "a\tb", "日本語 🎉 مرحبا", "100 % [ok]"]) expect(toSafeText(text)).toBe(text);
  });

  it("[I9] strips titles, clipboard writes, cursor moves, device queries and overwriting", () => {
    const attacks: [string, string][] = [
      ["\u001b]0;owned\u0007ok", "ok"],
      ["\u001b]52;c;cm0gLXJmIH4=\u0007ok", "ok"],
      ["\u001b]52;c;cm0gLXJmIH4=\u001b\\ok", "ok"],
      ["\u001b]0;never ended", ""],
      ["\u009d0;owned\u009cok", "ok"],
      ["\u001b[2J\u001b[Hok", "ok"],
      ["\u009b2Jok", "ok"],
      ['\u001bP$q"p\u001b\\ok', "ok"],
      ["\u001bcok", "ok"],
      ["\u001b[6nok", "ok"],
      ["real\rfake\b\b", "realfake"],
      ["a\u202eb\u2066c", "abc"],
      ["\u001b[38;5;1\u0000mx", "mx"],
    ];
    for (const [text, safe] of attacks) expect(toSafeText(text), JSON.stringify(text)).toBe(safe);
  });

  it("lets colours through when asked, and ends them", () => {
    expect(toSafeText("\u001b[31mred", { colours: true })).toBe("\u001b[31mred\u001b[0m");
    expect(toSafeText("\u001b[1;38:2::1:2:3mx\u001b[0m", { colours: true })).toBe("\u001b[1;38:2::1:2:3mx\u001b[0m");
    expect(toSafeText("\u001b[31mred\u001b[2J", { colours: true })).toBe("\u001b[31mred\u001b[0m");
    expect(toSafeText("\u001b[31mred")).toBe("red");
  });

  it("[I9] never lets a control character through, whatever comes", () => {
    const part = fc.oneof(fc.constantFrom("\u001b", "[", "]", "0;", "m", "\u0007", "\u009b", "\u001b\\", "31", "P"), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        // oxlint-disable-next-line no-control-regex -- control characters are the subject here
        expect(toSafeText(parts.join(""))).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
        const coloured = toSafeText(parts.join(""), { colours: true }).replaceAll(/\u001b\[[\d;:]*m/g, "");
        // oxlint-disable-next-line no-control-regex -- control characters are the subject here
        expect(coloured).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
