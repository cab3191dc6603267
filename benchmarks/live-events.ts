/**
 * Live events to many followers against a bare `ws` broadcast of the same bytes. Ours count from before their commit: the
 * database is in our figure, and the peer has none.
 */
import { aPostgres } from "./database.ts";
import { atMost, median, type Benchmark } from "./measure.ts";
import { aSide, cpuMs } from "./processes.ts";
import type { BareBroadcast } from "./sides/bare-broadcast.ts";
import type { Followed, Followers } from "./sides/followers.ts";
import type { OurSockets } from "./sides/our-sockets.ts";

const count = 1_000;
const perSecond = 100;
const seconds = 3;
const rounds = 3;
/** How long the last event may take to the last follower before the sequence counts as incomplete. */
const waitMs = 20_000;

export const liveEvents: Benchmark = {
  name: "live-events",
  about: "1,000 followers of 100 events a second against a bare `ws` broadcast",
  async run() {
    await using postgres = await aPostgres();
    await using ours = await aSide<OurSockets>("our-sockets.ts");
    const { port: ourPort } = await ours.ask("listen", { databaseUrl: await postgres.create("events"), poolSize: 10 });
    await using bare = await aSide<BareBroadcast>("bare-broadcast.ts");
    const { port } = await bare.ask("listen", undefined as never);
    await using ourFollowers = await aSide<Followers>("followers.ts");
    await using bareFollowers = await aSide<Followers>("followers.ts");
    const message = await oneMessage(ourPort, async () => void (await ours.ask("send", { perSecond: 1, seconds: 1 })));

    const figures = { ours: [] as (Followed & { cpu: number })[], bare: [] as (Followed & { cpu: number })[] };
    const sides = {
      ours: { followers: ourFollowers, pid: ours.pid, send: () => ours.ask("send", { perSecond, seconds }) },
      bare: { followers: bareFollowers, pid: bare.pid, send: () => bare.ask("send", { message, perSecond, seconds }) },
    };
    await ourFollowers.ask("follow", { port: ourPort, path: "/ws", headers: {}, count });
    await bareFollowers.ask("follow", { port, path: "/ws", headers: {}, count });
    for (let round = 0; round <= rounds; round++)
      for (const name of round % 2 === 0 ? (["ours", "bare"] as const) : (["bare", "ours"] as const)) {
        const side = sides[name];
        const before = await cpuMs(side.pid);
        const followed = await side.followers.ask("collect", { ...(await side.send()), waitMs });
        const cpu = ((await cpuMs(side.pid)) - before) / (perSecond * seconds);
        if (round > 0) figures[name].push({ ...followed, cpu });
      }
    const of = (name: "ours" | "bare", what: "p50" | "p99" | "cpu") => median(figures[name].map((one) => one[what]));
    return [
      {
        ...atMost(
          "live events, commit begun → follower, p99",
          of("ours", "p99"),
          of("bare", "p99") * 1.5,
          "ms",
          "≤ 1.5 × bare ws broadcast; complete",
        ),
        note: `p50 ${of("ours", "p50").toFixed(1)} against ${of("bare", "p50").toFixed(1)} ms, CPU-ms an event ${of("ours", "cpu").toFixed(2)} against ${of("bare", "cpu").toFixed(2)}; every sequence complete`,
      },
    ];
  },
};

/** What our server sends for such an event, up to its number. */
async function oneMessage(port: number, write: () => Promise<void>): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  try {
    return await new Promise((resolve, reject) => {
      socket.addEventListener("error", () => reject(new Error("The socket did not open.")));
      socket.addEventListener("message", ({ data }) => {
        const text = String(data);
        if (text.includes('"connected"')) write().catch(reject);
        else resolve(text.replace(/\d+\}$/, ""));
      });
    });
  } finally {
    socket.close();
  }
}
