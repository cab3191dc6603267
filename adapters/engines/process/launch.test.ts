import type { AppName, ReleaseId } from "@norns/kernel/ids";
import { describe, expect, it } from "vitest";
import { systemPath, type Isolation } from "./isolation.ts";
import { toLabels, toLaunch, volumeVariable, type LaunchRequest } from "./launch.ts";

const aRequest = (isolation: Isolation, change: Partial<LaunchRequest> = {}): LaunchRequest => ({
  isolation,
  limits: { processes: 100, openFiles: 200 },
  command: 'node server.js; echo "$HOME"',
  env: { GREETING: "hello", HOST: "0.0.0.0", NORNS_APP: "forged" },
  labels: toLabels({ app: "shop" as AppName, release: "rel_1" as ReleaseId }),
  nodeBinary: { directory: "/opt/node" },
  cwd: "/h/releases/shop/rel_1",
  home: "/h/homes/shop/run",
  tmp: "/h/homes/shop/run-tmp",
  volumes: [{ name: "user-data", path: "/h/volumes/shop/user-data", readOnly: false }],
  isWritable: false,
  hidden: ["/h"],
  ...change,
});

describe("a launch", () => {
  it("under an own user limits first, and gives up privileges", () => {
    const launch = toLaunch(
      aRequest({ kind: "own-user", setpriv: "/usr/bin/setpriv", prlimit: "/usr/bin/prlimit", nice: "/usr/bin/nice" }, { uid: 200_000 }),
    );
    expect(launch).toEqual({
      argv: [
        "/usr/bin/nice",
        "-n",
        "5",
        "/usr/bin/prlimit",
        "--core=0:0",
        "--nofile=200:200",
        "--",
        "/usr/bin/prlimit",
        "--nproc=100:100",
        "--",
        "/usr/bin/setpriv",
        "--no-new-privs",
        "--inh-caps=-all",
        "--",
        "/bin/sh",
        "-c",
        'node server.js; echo "$HOME"',
      ],
      cwd: "/h/releases/shop/rel_1",
      env: {
        PATH: `/opt/node:${systemPath}`,
        LANG: "C.UTF-8",
        HOME: "/h/homes/shop/run",
        TMPDIR: "/h/homes/shop/run-tmp",
        GREETING: "hello",
        // What Norns says wins over what the spec says.
        HOST: "127.0.0.1",
        NORNS_APP: "shop",
        NORNS_RELEASE: "rel_1",
        NORNS_VOLUME_USER_DATA: "/h/volumes/shop/user-data",
      },
      envBy: "process",
      uid: 200_000,
    });
  });

  it("[N4] under bubblewrap has no variable on the command line, hides before it shows, and seals last", () => {
    const { argv, cwd, envBy } = toLaunch(aRequest({ kind: "bubblewrap", bubblewrap: "/usr/bin/bwrap", hasOwnPids: true }));
    expect(envBy).toBe("bubblewrap");
    expect(cwd).toBe("/");
    const text = argv.join(" ");
    expect(text).not.toContain("hello");
    expect(text.indexOf("--tmpfs /h ")).toBeGreaterThan(text.indexOf("--ro-bind / /"));
    expect(text.indexOf("--ro-bind /h/releases/shop/rel_1 /h/releases/shop/rel_1")).toBeGreaterThan(text.indexOf("--tmpfs /h "));
    expect(text).toContain("--bind /h/volumes/shop/user-data /h/volumes/shop/user-data");
    expect(text.indexOf("--remount-ro /h ")).toBeGreaterThan(text.indexOf("--bind /h/volumes"));
    expect(argv.slice(-6)).toEqual(["--args", "5", "--", "/bin/sh", "-c", 'node server.js; echo "$HOME"']);
  });

  it("lets a build write where it stands, and mounts a read-only volume so", () => {
    const bubblewrap: Isolation = { kind: "bubblewrap", bubblewrap: "/usr/bin/bwrap", hasOwnPids: false };
    const volumes = [{ name: "data", path: "/h/volumes/shop/data", readOnly: true }];
    const text = toLaunch(aRequest(bubblewrap, { isWritable: true, volumes })).argv.join(" ");
    expect(text).toContain("--bind /h/releases/shop/rel_1 /h/releases/shop/rel_1");
    expect(text).toContain("--ro-bind /h/volumes/shop/data /h/volumes/shop/data");
    expect(text).not.toContain("--unshare-pid");
  });

  it("names a volume's variable by its name", () => {
    expect(volumeVariable("user-data")).toBe("NORNS_VOLUME_USER_DATA");
  });
});
