import { Write, type Store } from "@norns/kernel/database";
import { addRoute, z, type Router } from "@norns/kernel/http";
import type { SourceLocation } from "@norns/adapters/sources";
import type { Catalog } from "./catalog.ts";
import { appParams } from "@norns/capabilities/apps/wire";
import { registerBody, registeredApp, validateQuery, validationResult } from "./contract.ts";
import { infraspecInvalid, sourceMissing } from "./errors.ts";
import { parseInfraspec, toSpecJson } from "./infraspec/index.ts";
import { readApps, writeApps } from "./policy.ts";
import { readRepositorySpec, type RepositorySpecDeps } from "./repository-spec.ts";

export interface CatalogRoutesDeps {
  readonly catalog: Catalog;
  readonly store: Store;
  /** Needed to register an app by nothing but its repository. */
  readonly repositories?: RepositorySpecDeps;
}

const repositoryTimeoutMs = 60_000;

export function catalogRoutes(router: Router, { catalog, store, repositories }: CatalogRoutesDeps): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/validate",
      summary: "Check the infraspec of every app",
      tag: "Apps",
      access: { action: readApps },
      query: validateQuery,
      answer: z.array(validationResult).readonly(),
    },
    ({ workspace, query }) => catalog.validateApps(workspace, { strictSecrets: query.strictSecrets === "true" }),
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/validate/{id}",
      summary: "Check the infraspec of one app",
      tag: "Apps",
      access: { action: readApps },
      params: appParams,
      query: validateQuery,
      answer: validationResult,
    },
    ({ workspace, params, query }) => catalog.validateApp(workspace, params.id, { strictSecrets: query.strictSecrets === "true" }),
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps",
      summary: "Register an app",
      description: "By its repository, whose own infraspec.yaml is read, or by an infraspec with a `repo` block. Nothing is deployed yet.",
      tag: "Apps",
      access: { action: writeApps },
      body: registerBody,
      status: 201,
      answer: registeredApp,
    },
    async ({ workspace, actor, body, context }) => {
      const given: SourceLocation | undefined = body.repo && { kind: "git", url: body.repo.url, branch: body.repo.branch ?? "main" };
      if (!body.infraspec && (!given || !repositories)) throw sourceMissing();
      const signal = AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(repositoryTimeoutMs)]);
      const specText = body.infraspec ?? (await readRepositorySpec(repositories!, given!, signal));
      const { spec, findings } = parseInfraspec(specText);
      if (!spec) throw infraspecInvalid(findings);
      const location: SourceLocation | undefined = given ?? (spec.repo && { kind: "git", url: spec.repo.url, branch: spec.repo.branch });
      if (!location) throw sourceMissing();
      const write = new Write();
      const app = await catalog.registerApp(write, { workspace, actor, location, specText });
      await write.commit(store);
      return { app: app.name, valid: app.isValid, findings: app.findings, engine: app.engine, spec: toSpecJson(spec) };
    },
  );
}
