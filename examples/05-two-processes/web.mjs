import { randomUUID } from "node:crypto";
import { access, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const { PORT = "3000", HOST = "127.0.0.1", NORNS_VOLUME_QUEUE = "./queue" } = process.env;
const waiting = join(NORNS_VOLUME_QUEUE, "waiting");
const done = join(NORNS_VOLUME_QUEUE, "done");
await Promise.all([waiting, done].map((path) => mkdir(path, { recursive: true })));

const server = createServer(async (req, res) => {
  if (req.url === "/health") return access(waiting).then(() => res.end("ok\n"), () => res.writeHead(500).end("no queue\n"));
  if (req.method === "POST") {
    const id = randomUUID();
    // Written aside and renamed, so that the worker never sees half an order.
    await writeFile(join(NORNS_VOLUME_QUEUE, id), new Date().toISOString());
    await rename(join(NORNS_VOLUME_QUEUE, id), join(waiting, id));
    return res.writeHead(202).end(`${id}\n`);
  }
  const [left, ready] = await Promise.all([readdir(waiting), readdir(done)]);
  res.end(`${left.length} waiting, ${ready.length} done\n`);
});
server.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
process.once("SIGTERM", () => server.close(() => process.exit(0)));
