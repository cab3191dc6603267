import { conflict, invalid, notFound, type NornsError } from "@norns/kernel/errors";
import type { Finding } from "@norns/capabilities/apps/catalog";

/** `what` names the spec that is meant: the catalogue's, or the one in the source at the commit. */
export function specInvalid(app: string, findings: readonly Finding[], what: string): NornsError {
  const errors = findings.filter(({ severity }) => severity === "error");
  const first = errors[0];
  const where = first ? ` ${first.line ? `Line ${first.line}: ` : ""}${first.field ? `${first.field}: ` : ""}${first.message}` : "";
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return invalid(
    "infraspec_invalid",
    `The infraspec.yaml of ${app} ${what} is not valid, so it is not deployed.${where}${more} Run: norns validate.`,
    { details: { app, findings } },
  );
}

export const specNameDiffers = (app: string, name: string, commit: string): NornsError =>
  invalid(
    "infraspec_name_differs",
    `The infraspec.yaml at ${commit} names the app ${name}, not ${app}. An app keeps its name: change the file, or register the other app.`,
    {
      details: { app, name, commit },
    },
  );

export const appAbsent = (app: string): NornsError =>
  conflict(
    "app_absent",
    `The directory of ${app} is gone, or its spec says \`deploy: false\`. What runs goes on; put the directory back to deploy it again.`,
    { details: { app } },
  );

export const notDeployed = (app: string): NornsError =>
  conflict(
    "not_deployed",
    `${app} has no release in service yet, so there is nothing to roll back. Deploy it first: norns deploy ${app}.`,
    { details: { app } },
  );

export const noReleaseToRollBackTo = (app: string, current: number): NornsError =>
  conflict(
    "no_release_to_roll_back_to",
    `${app} has no good release before release ${current} that is still kept. Deploy an older commit instead: norns deploy ${app} <commit>.`,
    {
      details: { app, current },
    },
  );

export const releaseNotFound = (app: string, release: string): NornsError =>
  notFound("release_not_found", `${app} has no release ${release}. Its releases are in GET /api/apps/${app}/releases.`, {
    details: { app, release },
  });

export const releaseNotKept = (app: string, number: number, commit: string): NornsError =>
  conflict(
    "release_not_kept",
    `Release ${number} of ${app} is no longer kept, or never came into service. Deploy its commit again: norns deploy ${app} ${commit}.`,
    {
      details: { app, release: number, commit },
    },
  );

export const releaseIsCurrent = (app: string, number: number): NornsError =>
  conflict("release_is_current", `Release ${number} of ${app} is the one in service already.`, { details: { app, release: number } });

export const deploymentNotFound = (id: string): NornsError =>
  notFound("deployment_not_found", "There is no such deployment in this workspace.", { details: { id } });

export const commandFailed = (code: "tests_failed" | "migrations_failed", what: string, exitCode: number): NornsError =>
  invalid(code, `${what} ended with exit code ${exitCode}. Its output is kept with the step.`, { details: { exitCode } });
