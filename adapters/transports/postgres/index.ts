/**
 * ```ts
 * const transport = createGraphileTransport({ pool: store.pool, url: store.url, log });
 * await transport.install();
 * transport.enlist(write, { queue: "app-deployments", operation });
 * const listener = await transport.listen([{ queue: "app-deployments", concurrency: 6 }], (operation, signal) => worker.run(operation, signal));
 * await listener.stop(AbortSignal.timeout(10_000));
 * ```
 */
export { createGraphileTransport, type GraphileTransport, type GraphileTransportOptions } from "./transport.ts";
