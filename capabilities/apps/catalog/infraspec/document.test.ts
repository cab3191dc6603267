import { describe, expect, it } from "vitest";
import { exampleInfraspec, renderInfraspecDocument } from "./document.ts";
import { parseInfraspec } from "./parse.ts";

describe("docs/infraspec.md", () => {
  it("says what the table of fields says", async () => {
    await expect(renderInfraspecDocument()).toMatchFileSnapshot("../../../../docs/infraspec.md");
  });

  it("has an example that is itself a valid file, with no field unknown or wrong", () => {
    const { spec, findings } = parseInfraspec(exampleInfraspec());
    expect(findings.filter((finding) => finding.severity !== "info")).toEqual([]);
    expect(spec?.name).toBe("shop");
    expect(spec?.processes[0]?.tuning?.signals).toHaveLength(1);
  });
});
