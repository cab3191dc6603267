/** JSON Schema, as zod-openapi writes it into openapi.json, to TypeScript types. Pure. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly nullable?: boolean;
}

export const typeName = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1).replaceAll(/[^A-Za-z0-9]/g, "");

export function toType(schema: Schema | undefined): string {
  if (!schema) return "unknown";
  const base = toBase(schema);
  return schema.nullable ? `${base} | null` : base;
}

function toBase(schema: Schema): string {
  if (schema.$ref) return typeName(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.allOf) return schema.allOf.map((part) => `(${toType(part)})`).join(" & ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((part) => `(${toType(part)})`).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => toBase({ ...schema, type })).join(" | ");
  switch (schema.type) {
    case "string":
      return "string";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return schema.prefixItems ? `readonly [${schema.prefixItems.map(toType).join(", ")}]` : `readonly (${toType(schema.items)})[]`;
    case "object":
      return toObject(schema);
    default:
      return schema.properties ? toObject(schema) : "unknown";
  }
}

function toObject(schema: Schema): string {
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, field]) => `readonly ${JSON.stringify(name)}${required.has(name) ? "" : "?"}: ${toType(field)}`,
  );
  const rest = schema.additionalProperties;
  if (fields.length === 0)
    return rest === undefined || rest === false
      ? "Readonly<Record<string, never>>"
      : `Readonly<Record<string, ${rest === true ? "unknown" : toType(rest)}>>`;
  return `{ ${fields.join("; ")} }`;
}
