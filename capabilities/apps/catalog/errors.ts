import { conflict, invalid, notFound } from "@norns/kernel/errors";
import type { Finding } from "./infraspec/index.ts";

export const appNotFound = (name: string) =>
  notFound("app_not_found", `There is no app called ${name} here. \`norns status\` lists the apps of this workspace.`, {
    details: { app: name },
  });

export const infraspecInvalid = (findings: readonly Finding[]) => {
  const errors = findings.filter((finding) => finding.severity === "error");
  const first = errors[0];
  const more = errors.length > 1 ? ` There ${errors.length === 2 ? "is 1 more error" : `are ${errors.length - 1} more errors`}.` : "";
  return invalid(
    "infraspec_invalid",
    `The infraspec is not valid: ${first?.line ? `line ${first.line}: ` : ""}${first?.message ?? ""}${more}`,
    {
      details: { findings },
    },
  );
};

export const appNameTaken = (name: string) =>
  conflict(
    "app_name_taken",
    `The name ${name} is taken: app names are unique in an installation. Choose another \`name\` in infraspec.yaml.`,
    {
      details: { app: name },
    },
  );

export const appInDirectory = (name: string) =>
  conflict(
    "app_in_directory",
    `${name} belongs to the apps directory: deploy it by its name (\`norns deploy ${name}\`), or change it there.`,
    {
      details: { app: name },
    },
  );

export const hostnameTaken = (hostname: string) =>
  conflict("hostname_taken", `Another app already answers at ${hostname}. Remove it there, or choose another address in \`endpoints\`.`, {
    details: { hostname },
  });

export const sourceMissing = () =>
  invalid(
    "source_missing",
    "Say where the source is: give `repo.url`, or an infraspec with a `repo` block. A directory is sent with `norns deploy <dir>`.",
  );

/** `why` begins with a verb, as the findings of an infraspec do. */
export const repositoryRefused = (field: "url" | "branch", why: string) => invalid("repository_refused", `\`repo.${field}\` ${why}`);
