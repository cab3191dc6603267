import { createServer } from "node:http";

const { PORT = "3000", HOST = "127.0.0.1", NORNS_RELEASE_NUMBER = "0", NORNS_COMMIT = "none" } = process.env;

const server = createServer((req, res) => {
  if (req.url === "/health") return res.end("ok\n");
  console.log(`${req.method} ${req.url}`);
  res.setHeader("content-type", "text/plain; charset=utf-8");
  res.end(`Hello from release ${NORNS_RELEASE_NUMBER}, commit ${NORNS_COMMIT.slice(0, 12)}\n`);
});
server.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));

// Norns sends SIGTERM when a newer release has taken over: finish what is in hand, then go.
process.once("SIGTERM", () => server.close(() => process.exit(0)));
