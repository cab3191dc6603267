import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aWorld, actor, expectSound, serverSource, until, webSpec, workspace, type World } from "./testing.ts";

/** A deployment is about sixteen writes; each is a place to die before and after. */
const writes = { before: [1, 4, 6, 9, 13], after: [2, 5, 8, 10, 15] };
const leaseMs = 1_500;

describe("a server that is killed in the middle of a deployment", () => {
  let world: World;
  beforeAll(async () => {
    world = await aWorld({ leaseMs });
    const server = await world.open();
    await world.commit("survivor", { "infraspec.yaml": webSpec("survivor"), "server.cjs": serverSource("one") });
    await server.catalog.scan();
    expect(await server.deploy("survivor")).toMatchObject({ state: "succeeded" });
    await server.close();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  for (const when of ["before", "after"] as const)
    for (const write of writes[when])
      it(`is followed by another that finishes it: ${when} write ${write}`, async () => {
        const body = `${when} ${write}`;
        const commit = await world.commit("survivor", { "server.cjs": serverSource(body) });
        const doomed = await world.open({ watches: false });
        const id = await doomed.deployments.deployApp({ workspace, actor }, "survivor", "HEAD");
        let left = write;
        const isLast = () => --left === 0;
        if (when === "before") doomed.life.diesBefore = isLast;
        else doomed.life.diesAfter = isLast;
        await Promise.race([
          until("death", async () => doomed.life.isDead, 15_000).catch(() => {}),
          doomed.ledger.waitForEnd(id, AbortSignal.timeout(15_000)).catch(() => {}),
        ]);
        doomed.abandon();

        const heir = await world.open();
        // The lease runs out by itself; a transport brings the operation until somebody may have it.
        const delivering = setInterval(() => heir.deliver(id), 200);
        try {
          const operation = await heir.end(id);
          clearInterval(delivering);
          expect(operation).toMatchObject({ state: "succeeded", error: undefined });
          expect(await heir.deployments.getDeployment(workspace, id)).toMatchObject({ status: "deployed", commitSha: commit });
          await until(
            "one sound release",
            () =>
              expectSound(world, heir, "survivor", [body]).then(
                () => true,
                () => false,
              ),
            15_000,
          ).catch(() => expectSound(world, heir, "survivor", [body]));
        } finally {
          clearInterval(delivering);
          await heir.close();
        }
      });
});
