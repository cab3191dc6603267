/** One bridge network an app: made with its first container, removed with its last. */
import { unavailable } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import { labels, networkName, type Place, toNetworkBody } from "./requests.ts";
import { type Daemon, DaemonRefusal, isRefusal } from "./transport.ts";

interface NetworkListed {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
}

/** Docker hands out about thirty networks by itself; after that we name the subnet, from a range that few others use. */
const ownSubnets = (app: AppName): readonly string[] => {
  const start = [...app].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 4096, 7);
  return Array.from({ length: 64 }, (_, step) => {
    const number = (start + step * 61) % 4096;
    return `10.${213 + (number >> 10)}.${(number >> 2) & 255}.${(number & 3) * 64}/26`;
  });
};

/** Answers the network's id: two networks may carry one name, an id is one network. */
export async function ensureNetwork(daemon: Daemon, place: Place, app: AppName): Promise<string> {
  const [found] = await networksOf(daemon, place, app);
  if (found !== undefined) return found;
  const made = await createNetwork(daemon, place, app);
  // Docker lets two servers make one name at once. Both take the older network, and whoever made the other removes it.
  const [oldest = made] = await networksOf(daemon, place, app);
  if (oldest !== made) await removeNetwork(daemon, made);
  return oldest;
}

async function createNetwork(daemon: Daemon, place: Place, app: AppName): Promise<string> {
  for (const subnet of [undefined, ...ownSubnets(app)]) {
    try {
      return (await daemon.call<{ Id: string }>("POST", "/networks/create", { body: toNetworkBody(place, app, subnet) })).Id;
    } catch (thrown) {
      if (isRefusal(thrown, 409)) {
        const [other] = await networksOf(daemon, place, app);
        if (other !== undefined) return other;
      }
      if (!(thrown instanceof DaemonRefusal) || !/overlap|address pool/i.test(thrown.message)) throw thrown;
    }
  }
  throw unavailable("docker_failed", "Docker has no free network range left. Remove networks that nothing uses (docker network prune).");
}

/** Oldest first. The daemon's filter finds every name that contains the one asked for. */
async function networksOf(daemon: Daemon, place: Place, app: AppName): Promise<readonly string[]> {
  const name = networkName(place, app);
  const list = await daemon.call<readonly NetworkListed[]>("GET", "/networks", {
    query: { filters: { name: [name], label: [`${labels.installation}=${place.installation}`] } },
  });
  const own = list.filter((network) => network.Name === name);
  return own
    .sort((a, b) => (a.Created === b.Created ? (a.Id < b.Id ? -1 : 1) : a.Created < b.Created ? -1 : 1))
    .map((network) => network.Id);
}

/** Quietly leaves a network that a container still uses. */
export async function removeNetworkIfUnused(daemon: Daemon, place: Place, app: AppName): Promise<void> {
  for (const id of await networksOf(daemon, place, app)) await removeNetwork(daemon, id);
}

async function removeNetwork(daemon: Daemon, id: string): Promise<void> {
  try {
    await daemon.call("DELETE", `/networks/${id}`);
  } catch (thrown) {
    // 403, 409: in use. 404: another was quicker.
    if (!isRefusal(thrown, 403, 404, 409)) throw thrown;
  }
}
