/** `/api/engines`: where apps can run on this machine, and how far they are kept apart there. */
import type { Engine } from "@norns/adapters/engines";
import type { Action } from "@norns/kernel/actor";
import { addRoute, z, type Router } from "@norns/kernel/http";

export const readEngines: Action = { name: "server.engines", role: "viewer", scope: "apps:read" };

const engineAnswer = z
  .object({
    name: z.string(),
    isAvailable: z.boolean(),
    reason: z.string().optional().openapi({ description: "Why it is not available, and what to do." }),
    artifact: z.enum(["directory", "image"]).openapi({ description: "What it runs." }),
    isolation: z.array(z.string()).openapi({ description: "What keeps its instances apart on this machine, in words." }),
  })
  .openapi("Engine");

export function enginesRoute(router: Router, engines: readonly Engine[]): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/engines",
      summary: "List the engines of this machine and the isolation in force",
      tag: "Server",
      access: { action: readEngines },
      answer: z.array(engineAnswer),
    },
    async () =>
      await Promise.all(
        engines.map(async (engine) => {
          const { isAvailable, reason, artifact, isolation } = await engine.support();
          return { name: engine.name, isAvailable, ...(reason === undefined ? {} : { reason }), artifact, isolation: [...isolation] };
        }),
      ),
  );
}
