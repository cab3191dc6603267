/** Which of the server's own variables a build, a test or a migration may see: only those that are named. */
import type { Environment } from "@norns/kernel/config";

/** `*` in a name stands for any letters: `*_PROXY`. */
export function chooseVariables(env: Environment, names: readonly string[]): Record<string, string> {
  const patterns = names.map((name) => new RegExp(`^${name.replaceAll("*", ".*")}$`));
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && patterns.some((pattern) => pattern.test(name))) chosen[name] = value;
  return chosen;
}
