import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const { NORNS_VOLUME_QUEUE = "./queue" } = process.env;
const waiting = join(NORNS_VOLUME_QUEUE, "waiting");
const done = join(NORNS_VOLUME_QUEUE, "done");
await Promise.all([waiting, done].map((path) => mkdir(path, { recursive: true })));

let isStopping = false;
process.once("SIGTERM", () => (isStopping = true));

console.log("waiting for orders");
while (!isStopping) {
  for (const order of await readdir(waiting)) {
    await wait(100); // the work
    // Two workers may have picked the same order: one of them renames it, the other finds it gone.
    const isMine = await rename(join(waiting, order), join(done, order)).then(() => true, (error) => (error.code === "ENOENT" ? false : Promise.reject(error)));
    if (isMine) console.log(`done: ${order}`);
    if (isStopping) break;
  }
  await wait(200);
}
