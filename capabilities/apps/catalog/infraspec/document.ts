/** Writes docs/infraspec.md from the table of fields: an annotated example that is itself a valid file, then the fields. */
import type { Field, Fields, Type } from "./field.ts";
import { infraspec } from "./fields.ts";

/** Left out of the example because they exclude what is in it; the tables below it have them. */
const notInExample = new Set(["image", "build.dockerfile", "processes.web.schedule", "processes.web.timezone", "processes.web.function"]);

export function renderInfraspecDocument(): string {
  return [
    "# infraspec.yaml",
    "",
    "<!-- Written from capabilities/apps/catalog/infraspec/fields.ts. To renew it: vitest run capabilities/apps/catalog -u -->",
    "",
    "One file at the root of an app's source says what the app is and how it runs. The least that works:",
    "",
    "```yaml",
    "name: hello",
    "processes:",
    "  web:",
    "    command: node server.js",
    "    port: 3000",
    "    health: { path: /health }",
    "```",
    "",
    "`norns init` writes one for the repository it stands in, `norns validate` checks it. Unknown fields are warnings, wrong",
    "ones errors; an app with an error is never deployed. The file may have up to 256 KB; anchors and aliases work, merge keys (`<<`) do not.",
    "",
    "A process is a **service** when it has a `port`, a **cron** when it has a `schedule`, a **function** when it has `function`,",
    "and otherwise a **worker**. Durations are written with their unit: `500ms`, `30s`, `1m30s`, `2h`.",
    "",
    "## Everything at once",
    "",
    "```yaml",
    ...renderExample(infraspec.fields, "", ""),
    "```",
    "",
    "## Fields",
    "",
    "Fields marked with * are read and checked, but nothing acts on them in this version.",
    "",
    ...renderTables("", infraspec.fields),
    "",
  ].join("\n");
}

/** The annotated example alone. */
export const exampleInfraspec = (): string => `${renderExample(infraspec.fields, "", "").join("\n")}\n`;

function renderExample(fields: Fields, path: string, indent: string): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    if (notInExample.has(at)) return [];
    const comment = `${indent}# ${field.meaning}${defaultOf(field, " Default: ", ".")}`;
    const lines = [comment, ...renderValue(name, field.type, field.example, at, indent)];
    return indent === "" ? [...lines, ""] : lines;
  });
}

function renderValue(name: string, type: Type<unknown>, example: string | undefined, path: string, indent: string): string[] {
  if (type.fields) return [`${indent}${name}:`, ...renderExample(type.fields, path, `${indent}  `)];
  if (type.item && type.exampleKey !== undefined)
    return [`${indent}${name}:`, ...renderValue(type.exampleKey, type.item, example, `${path}.${type.exampleKey}`, `${indent}  `)];
  if (type.item?.fields) {
    const [first = "", ...rest] = renderExample(type.item.fields, path, `${indent}    `);
    return [`${indent}${name}:`, `${indent}  - ${first.trimStart()}`, ...rest];
  }
  if (type.item) return [`${indent}${name}:`, `${indent}  - ${example}`];
  return [`${indent}${name}: ${example}`];
}

function renderTables(title: string, fields: Fields): string[] {
  const heading = title === "" ? [] : ["", `### \`${title}\``, ""];
  const rows = Object.entries(fields).map(([name, field]) => {
    const what = `${field.meaning}${field.isInert ? " *" : ""}`.replaceAll("|", "\\|");
    return `| \`${name}\` | ${labelOf(field.type)} | ${field.isRequired ? "**required**" : defaultOf(field, "", "") || "—"} | ${what} |`;
  });
  const inner = Object.entries(fields).flatMap(([name, { type }]) => {
    const at = title === "" ? name : `${title}.${name}`;
    if (type.fields) return renderTables(at, type.fields);
    if (type.item?.fields) return renderTables(type.exampleKey === undefined ? `${at}[]` : `${at}.<name>`, type.item.fields);
    return [];
  });
  return [...heading, "| field | type | default | meaning |", "| --- | --- | --- | --- |", ...rows, ...inner];
}

const labelOf = (type: Type<unknown>): string => type.label.replaceAll("|", "\\|");

const defaultOf = (field: Field<unknown>, before: string, after: string): string =>
  field.shownDefault === undefined ? "" : before === "" ? field.shownDefault : `${before}${field.shownDefault.replaceAll("`", "")}${after}`;
