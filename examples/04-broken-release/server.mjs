import { createServer } from "node:http";

const { PORT = "3000", HOST = "127.0.0.1", MODE = "good", NORNS_RELEASE_NUMBER = "0" } = process.env;

const server = createServer((req, res) => {
  if (req.url !== "/health") return res.end(`release ${NORNS_RELEASE_NUMBER}, ${MODE}\n`);
  if (MODE === "good") return res.end("ok\n");
  console.error("health: no connection to the database");
  res.writeHead(500).end("no connection to the database\n");
});
server.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}, ${MODE}`));
process.once("SIGTERM", () => server.close(() => process.exit(0)));
