/** Start-up of the bundled command against bare Node, in turn. The one request is answered by a server of this process. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { atMost, median, type Benchmark } from "./measure.ts";

const command = join(dirname(dirname(fileURLToPath(import.meta.url))), "programs/cli/dist/norns.mjs");
const rounds = 20;

function time(args: readonly string[], environment: Record<string, string> = {}): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: "ignore",
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", ...environment },
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(performance.now() - started) : reject(new Error(`${args.join(" ")} ended with ${code}`)),
    );
  });
}

export const cli: Benchmark = {
  name: "cli",
  about: "cold start of the bundled command against `node -e 0`",
  async run() {
    const server = createServer((_, response) => response.setHeader("content-type", "application/json").end('{"version":"0.1.0"}'));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bare: number[] = [];
    const version: number[] = [];
    const request: number[] = [];
    try {
      for (let round = -1; round < rounds; round++) {
        const figures = [
          await time(["-e", "0"]),
          await time([command, "--version"]),
          await time([command, "version", "--json"], { NORNS_URL: url }),
        ];
        if (round < 0) continue;
        bare.push(figures[0]!);
        version.push(figures[1]!);
        request.push(figures[2]!);
      }
    } finally {
      server.close();
    }
    const base = median(bare);
    return [
      atMost("norns --version", median(version), base * 1.3, "ms", "≤ 1.3 × node -e 0"),
      atMost("norns, one request", median(request), base * 1.6, "ms", "≤ 1.6 × node -e 0"),
    ];
  },
};
