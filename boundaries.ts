/**
 * Who may import whom, written once. `npm run check` holds it (type imports and relative detours too) and draws it
 * into ARCHITECTURE.md. A path belongs to the first layer whose folder it lies in.
 */
export interface Layer {
  readonly name: string;
  /** Folder from the root, without a slash at the end. */
  readonly folder: string;
  /** Layers it may import, besides itself. */
  readonly mayImport: readonly string[];
  /** Runs on Workers too: of Node only `workersSafeNode`, and the bundle answers a request in workerd. */
  readonly isWorkersSafe?: true;
  /** Its rooms are closed to one another: another room is reached by its door (`@norns/…`) only. */
  readonly hasRooms?: true;
  /** One sentence for ARCHITECTURE.md. */
  readonly purpose: string;
}

export const layers: readonly Layer[] = [
  {
    name: "kernel",
    folder: "kernel",
    mayImport: [],
    isWorkersSafe: true,
    purpose: "what every room stands on: ledger, events, errors, http, ids, vault, config",
  },
  {
    name: "adapters",
    folder: "adapters",
    mayImport: ["kernel"],
    hasRooms: true,
    purpose: "the outside world: one folder a port, one folder an adapter",
  },
  {
    name: "identity",
    folder: "capabilities/identity",
    mayImport: ["kernel"],
    isWorkersSafe: true,
    hasRooms: true,
    purpose: "accounts, workspaces, API keys, audit",
  },
  {
    name: "operations",
    folder: "capabilities/operations",
    mayImport: ["kernel", "identity"],
    purpose: "durable work and the event log, of whatever room, as routes",
  },
  {
    name: "apps",
    folder: "capabilities/apps",
    mayImport: ["kernel", "adapters", "identity", "operations"],
    hasRooms: true,
    purpose: "catalog, deployments, processes",
  },
  { name: "client", folder: "client", mayImport: [], purpose: "the typed HTTP client, generated from openapi.json" },
  {
    name: "server",
    folder: "programs/server",
    mayImport: ["kernel", "adapters", "identity", "operations", "apps"],
    purpose: "the server: api, worker or both; compose.ts names the adapters",
  },
  { name: "cli", folder: "programs/cli", mayImport: ["client"], purpose: "the command `norns`" },
  {
    name: "scripts",
    folder: "scripts",
    mayImport: ["kernel", "adapters", "identity", "operations", "apps", "server", "client", "cli", "root"],
    purpose: "launchers, checks, generators",
  },
  {
    name: "benchmarks",
    folder: "benchmarks",
    mayImport: ["kernel", "adapters", "identity", "operations", "apps", "server", "client", "cli"],
    purpose: "npm run bench",
  },
  {
    name: "journeys",
    folder: "journeys",
    mayImport: ["kernel", "adapters", "identity", "operations", "apps", "server", "client", "cli"],
    purpose: "tests that use the product as a person does",
  },
  { name: "root", folder: "", mayImport: [], purpose: "configuration of the tools" },
];

/** Pure parts of a room that another layer may bundle, by door. */
export const sharedDoors: readonly { readonly door: string; readonly to: readonly string[] }[] = [
  // `norns init` and `norns validate` read a spec as the server does.
  { door: "@norns/capabilities/apps/infraspec", to: ["cli"] },
];

/** The only places that may name a concrete adapter; everything else imports ports. */
export const composers: readonly string[] = ["programs/server/compose.ts", "programs/server/compose/"];

/** What capabilities may know of adapters: the ports and what is shared by all adapters of a port. */
export const ports: readonly string[] = [
  "@norns/adapters/engines",
  "@norns/adapters/engines/health",
  "@norns/adapters/engines/journal",
  "@norns/adapters/ingress",
  "@norns/adapters/sources",
  "@norns/adapters/stores",
  "@norns/adapters/transports",
  "@norns/adapters/outbound",
];

/** Folders of a port that are no adapter: what all its adapters share. */
export const sharedByAdapters: readonly string[] = ["adapters/engines/journal"];

/** An adapter made of another one: the first may know the second. */
export const buildsOn: readonly (readonly [string, string])[] = [];

export const workersSafeNode: readonly string[] = ["node:crypto", "node:async_hooks", "node:buffer"];

/** Files that are not the product: they may import any adapter and Node. */
export const isTestFile = (path: string): boolean =>
  /(\.test\.ts|\/testing\.ts|\/fixtures\.ts|\/conformance\.ts|global-setup\.ts|\.bench\.ts)$/.test(path) ||
  /\/(simulation|testing|fixtures|conformance|truth)\//.test(path) ||
  path.startsWith("journeys/") ||
  path.startsWith("benchmarks/");
