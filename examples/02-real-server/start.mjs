// Verdaccio with everything it writes on the volume: a release's own directory is read-only.
import { runServer } from "verdaccio";

const data = process.env.NORNS_VOLUME_DATA ?? "./data";

const server = await runServer({
  self_path: data,
  storage: `${data}/storage`,
  auth: { htpasswd: { file: `${data}/htpasswd`, max_users: 100 } },
  packages: { "**": { access: "$all", publish: "$authenticated", unpublish: "$authenticated" } },
  web: { title: "Packages" },
  log: { type: "stdout", format: "pretty", level: "http", colors: false },
});

server.listen(Number(process.env.PORT ?? 4873), process.env.HOST ?? "127.0.0.1", () => console.log("ready"));

process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
