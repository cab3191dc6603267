/** Writes client/generated/api.ts from openapi.json; `--check` only says whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { toType, typeName, type Schema } from "./client/to-typescript.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}
interface Endpoint {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
  readonly summary?: string;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "client/generated/api.ts");
const json = (content: Content | undefined): Schema | undefined => content?.content?.["application/json"]?.schema;

function render(document: Document): string {
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) => `export type ${typeName(name)} = ${toType(schema)};`,
  );
  const endpoints = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, endpoint]) => renderEndpoint(`${method.toUpperCase()} ${path}`, endpoint)),
  );
  return [
    "// Written by scripts/client.ts from openapi.json. Do not edit.",
    "",
    ...schemas,
    "",
    "/** Every endpoint by method and path. */",
    "export interface Api {",
    ...endpoints,
    "}",
    "",
  ].join("\n");
}

function renderEndpoint(name: string, endpoint: Endpoint): string {
  const fields = (place: string): string => {
    const found = (endpoint.parameters ?? []).filter((parameter) => parameter.in === place);
    if (found.length === 0) return "undefined";
    return `{ ${found.map((parameter) => `readonly ${JSON.stringify(parameter.name)}${parameter.required ? "" : "?"}: ${toType(parameter.schema)}`).join("; ")} }`;
  };
  const success = Object.entries(endpoint.responses).find(([status]) => status.startsWith("2"))?.[1];
  const answer = json(success);
  return [
    `  /** ${endpoint.summary ?? name} */`,
    `  ${JSON.stringify(name)}: { params: ${fields("path")}; query: ${fields("query")}; body: ${endpoint.requestBody ? toType(json(endpoint.requestBody)) : "undefined"}; answer: ${answer ? toType(answer) : "undefined"} };`,
  ].join("\n");
}

const wanted = render(JSON.parse(readFileSync(join(root, "openapi.json"), "utf8")) as Document);
if (process.argv.includes("--check")) {
  const current = readFileSync(target, "utf8");
  if (current !== wanted) {
    console.error("client/generated/api.ts differs from openapi.json: run `node scripts/run.mjs scripts/client.ts`");
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, wanted);
}
