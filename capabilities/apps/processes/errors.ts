import { conflict, invalid, notFound, unavailable, type NornsError } from "@norns/kernel/errors";

export const notDeployed = (app: string): NornsError =>
  conflict("not_deployed", `${app} has no release in service yet. Deploy it first: norns deploy ${app}.`, { details: { app } });

export const engineUnavailable = (engine: string): NornsError =>
  unavailable(
    "engine_unavailable",
    `The engine ${engine} is not available on this server. Start it, or change \`engine:\` in the spec and deploy again.`,
    {
      details: { engine },
    },
  );

export const noSuchProcess = (app: string, process: string, known: readonly string[]): NornsError =>
  notFound("process_not_found", `${app} has no process ${process} that can be scaled; it has: ${known.join(", ") || "none"}.`, {
    details: { app, process, known },
  });

export const noSuchInstance = (app: string, instance: string): NornsError =>
  notFound("instance_not_found", `${app} has no instance ${instance}. Its instances are in GET /api/apps/${app}.`, {
    details: { app, instance },
  });

export const aboveMaximum = (process: string, count: number, max: number): NornsError =>
  invalid("scale_above_maximum", `${process} may have ${max} instances at most (\`scaling.max\`); ${count} were asked for.`, {
    details: { process, count, max },
  });

export const notHealthy = (message: string, details: Readonly<Record<string, unknown>>): NornsError =>
  invalid("not_healthy", message, { details });
