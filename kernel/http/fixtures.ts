/** A router behind the whole request pipeline, called with real requests, for tests of both. */
import type { Actor } from "../actor/index.ts";
import { systemClock } from "../clock/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import { silentLog } from "../log/index.ts";
import { createControlPlaneHosts } from "./hosts.ts";
import { requestPipeline, type PipelineDeps } from "./pipeline.ts";
import { newRouter, type Router } from "./route.ts";

export const workspace = "ws_00000000000000000000000000" as WorkspaceId;

export const anActor = (of: Partial<Actor> = {}): Actor => ({
  kind: "user",
  id: "usr_1",
  label: "ada@example.com",
  via: "session",
  roles: { [workspace]: "owner" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: workspace,
  ...of,
});

export interface Called {
  readonly router: Router;
  call(path: string, init?: RequestInit & { peer?: string }): Promise<Response>;
}

/** `Authorization: Bearer ada` and the cookie `session=ada` are Ada; everybody else is nobody. */
export function aServer(build: (router: Router) => void, of: Partial<PipelineDeps> & { publicUrl?: string } = {}): Called {
  const router = newRouter();
  const { publicUrl, ...deps } = of;
  router.use(
    "*",
    requestPipeline({
      log: silentLog,
      clock: systemClock,
      hosts: createControlPlaneHosts({ publicUrl: publicUrl ? new URL(publicUrl) : undefined, bindAddress: "127.0.0.1" }),
      allowedOrigins: [],
      trustedProxies: [],
      socketAddressOf: (context) => (context.env as { peer?: string } | undefined)?.peer ?? "127.0.0.1",
      resolveActor: async (request) =>
        request.headers.get("authorization") === "Bearer ada" || (request.headers.get("cookie") ?? "").includes("session=ada")
          ? anActor()
          : null,
      resolveWorkspace: async (_actor, named) => (named === "acme" ? workspace : undefined),
      limits: { requests: { name: "requests", perMinute: 100_000 }, badCredentials: { name: "bad-credentials", perMinute: 60 } },
      ...deps,
    }),
  );
  build(router);
  return {
    router,
    async call(path, init = {}) {
      const { peer, ...rest } = init;
      const headers = new Headers(rest.headers);
      if (!headers.has("host")) headers.set("host", "localhost:8800");
      return await router.fetch(new Request(`http://localhost:8800${path}`, { ...rest, headers }), { peer });
    },
  };
}
