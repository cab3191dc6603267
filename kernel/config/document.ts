/** docs/configuration.md, made from the table, so that it cannot say anything else than the code does. */
import type { Variable } from "./variable.ts";
import { variables } from "./variables.ts";

export function documentConfiguration(): string {
  const rows = (Object.values(variables) as Variable<unknown>[]).map((variable) => {
    const names = [`\`${variable.name}\``, ...variable.aliases.map((alias) => `\`${alias}\``)].join("<br>");
    const fallback = /[`\s]/.test(variable.defaultText) ? variable.defaultText : `\`${variable.defaultText}\``;
    return `| ${names} | ${variable.doc}${variable.isSecret ? " *Secret.*" : ""} | ${fallback} | \`${variable.example.replaceAll("|", "\\|")}\` |`;
  });
  return `# Configuration

Every variable that the server reads. The first name is the canonical one, the others mean the same; two of them with different values stop the start.
An empty variable counts as not set. A wrong value stops the start with the variable's name, what was wrong and an example.

This page is written by \`node scripts/run.mjs scripts/configuration.ts\` from \`kernel/config/variables.ts\`.

| Variable | What it is | When not set | Example |
|---|---|---|---|
${rows.join("\n")}
`;
}
