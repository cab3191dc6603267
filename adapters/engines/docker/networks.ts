/** One bridge network an app: made with its first container, removed with its last. */
import { unavailable } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import { labels, networkName, type Place, toNetworkBody } from "./requests.ts";
import { type Daemon, DaemonRefusal, isRefusal } from "./transport.ts";

interface NetworkListed {
  readonly Id: string;
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>> | null;
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
  const found = await findNetwork(daemon, place, app);
  if (found !== undefined) return found;
  for (const subnet of [undefined, ...ownSubnets(app)]) {
    try {
      return (await daemon.call<{ Id: string }>("POST", "/networks/create", { body: toNetworkBody(place, app, subnet) })).Id;
    } catch (thrown) {
      if (isRefusal(thrown, 409)) {
        const made = await findNetwork(daemon, place, app);
        if (made !== undefined) return made;
      }
      if (!(thrown instanceof DaemonRefusal) || !/overlap|address pool/i.test(thrown.message)) throw thrown;
    }
  }
  throw unavailable("docker_failed", "Docker has no free network range left. Remove networks that nothing uses (docker network prune).");
}

async function findNetwork(daemon: Daemon, place: Place, app: AppName): Promise<string | undefined> {
  const name = networkName(place, app);
  const list = await daemon.call<readonly NetworkListed[]>("GET", "/networks", { query: { filters: { name: [name], label: [`${labels.installation}=${place.installation}`] } } });
  // The daemon's filter finds every name that contains it. Of two (made at once) all take the same one.
  return list.filter((network) => network.Name === name).map((network) => network.Id).sort()[0];
}

/** Quietly leaves a network that a container still uses. */
export async function removeNetworkIfUnused(daemon: Daemon, place: Place, app: AppName): Promise<void> {
  for (let id = await findNetwork(daemon, place, app), tries = 0; id !== undefined && tries < 4; id = await findNetwork(daemon, place, app), tries++) {
    try {
      await daemon.call("DELETE", `/networks/${id}`);
    } catch (thrown) {
      if (isRefusal(thrown, 403, 409)) return;
      if (!isRefusal(thrown, 404)) throw thrown;
    }
  }
}
