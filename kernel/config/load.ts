/**
 * Environment → typed configuration. Secrets are held apart, as `Secret`, so that a printed configuration shows none.
 * All that is wrong is told at once, each with the variable's name, what was wrong, and an example.
 */
import { invalid } from "../errors/index.ts";
import { isLoopbackHost } from "../http/network.ts";
import type { Secret } from "./secret.ts";
import { Wrong, type Variable } from "./variable.ts";
import { variables, variablesOfOthers } from "./variables.ts";

type Table = typeof variables;
type ValueOf<Of> = Of extends Variable<infer Value> ? Value : never;
type SecretKey = { [Key in keyof Table]: Secret extends ValueOf<Table[Key]> ? Key : never }[keyof Table];

export type Secrets = { readonly [Key in SecretKey]: ValueOf<Table[Key]> };
export type Config = { readonly [Key in Exclude<keyof Table, SecretKey>]: ValueOf<Table[Key]> } & {
  readonly secrets: Secrets;
  /** Things that are probably mistakes and stop nothing: a misspelt variable. For the log at start. */
  readonly warnings: readonly string[];
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the whole configuration from an environment (`process.env`, a Worker's `env`). An empty variable counts as not
 * set. Throws `invalid` / `configuration_invalid` with every fault in the message.
 *
 *     const config = loadConfig({ NORN_PORT: "9000" });
 *     config.port // 9000
 */
export function loadConfig(env: Environment): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const secrets: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(variables) as [string, Variable<unknown>][])
    (variable.isSecret ? secrets : values)[key] = read(variable, env, faults);

  faults.push(...contradictions(values as unknown as Omit<Config, "secrets">));
  if (faults.length > 0)
    throw invalid("configuration_invalid", `The configuration is not usable:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`, {
      details: { faults },
    });
  // The casts hold because every key of the table went into one of the two records, by the same `isSecret`.
  return { ...values, secrets, warnings: findMisspelt(env) } as unknown as Config;
}

function read(variable: Variable<unknown>, env: Environment, faults: string[]): unknown {
  const given = [variable.name, ...variable.aliases].filter((name) => env[name] !== undefined && env[name] !== "");
  const [first] = given;
  if (first === undefined) return variable.fallback;
  const other = given.find((name) => env[name] !== env[first]);
  if (other !== undefined) {
    faults.push(`${first} and ${other} are the same setting and have different values. Keep one of them, best ${variable.name}.`);
    return variable.fallback;
  }
  try {
    return variable.parse(env[first] as string);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    faults.push(`${first} ${error.message}. Example: ${first}=${variable.example}`);
    return variable.fallback;
  }
}

function contradictions(config: Omit<Config, "secrets">): string[] {
  const faults: string[] = [];
  if (config.auth === "open" && !isLoopbackHost(config.bindAddress))
    faults.push(
      `NORNS_AUTH=open lets everyone in, so it needs a loopback address, and NORNS_BIND_ADDR is ${config.bindAddress}. Example: NORNS_BIND_ADDR=127.0.0.1`,
    );
  if ((config.cfAccessTeamDomain === undefined) !== (config.cfAccessAudience === undefined))
    faults.push(
      "NORNS_CF_ACCESS_TEAM_DOMAIN and NORNS_CF_ACCESS_AUD go together, and only one is set. Example: NORNS_CF_ACCESS_TEAM_DOMAIN=acme.cloudflareaccess.com NORNS_CF_ACCESS_AUD=4714c135…",
    );
  return faults;
}

function findMisspelt(env: Environment): string[] {
  const known = Object.values(variables).flatMap((variable) => [variable.name, ...variable.aliases]);
  return Object.keys(env)
    .filter((name) => /^NORNS?_/.test(name) && !known.includes(name) && !variablesOfOthers.some((pattern) => pattern.test(name)))
    .map((name) => {
      const near = known.toSorted((a, b) => distance(a, name) - distance(b, name))[0] as string;
      return `${name} is not a variable that Norns knows${distance(near, name) <= 4 ? `; did you mean ${near}?` : "."}`;
    });
}

/** Letters to change, add or take away to make one of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
