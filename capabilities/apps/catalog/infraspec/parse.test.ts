import { describe, expect, it } from "vitest";
import { namePattern as kernelPattern } from "@norns/kernel/ids";
import { namePattern } from "./name.ts";
import { minimal, withLines, withWeb } from "./fixtures.ts";
import { defaultProcessOf, engineOf, updateOf } from "./infraspec.ts";
import { parseInfraspec } from "./parse.ts";

const findingsOf = (text: string, options?: { strictSecrets: boolean }) =>
  parseInfraspec(text, options).findings.map(({ severity, field }) => `${severity} ${field}`);
const specOf = (text: string) => {
  const { spec, findings } = parseInfraspec(text);
  if (!spec) throw new Error(JSON.stringify(findings));
  return spec;
};

describe("a good infraspec", () => {
  it("needs little, and every default is filled in", () => {
    const { spec, findings } = parseInfraspec(minimal);
    expect(findings).toEqual([]);
    expect(spec).toEqual({
      name: "hello",
      deploy: true,
      processes: [
        {
          name: "web",
          kind: "service",
          port: 3000,
          command: "node server.js",
          timezone: "UTC",
          health: { path: "/health", intervalMs: 10_000, timeoutMs: 5_000, deadlineMs: 60_000 },
          scaling: { min: 1 },
          drain: { signal: "SIGTERM", timeoutMs: 30_000 },
          resources: { cpuMhz: 100, memoryMb: 128 },
          env: {},
        },
      ],
      services: [],
      secrets: [],
      env: {},
      infrastructure: {},
      endpoints: [],
      volumes: [],
      snapshots: { keep: 3, preRestore: false, retentionEnabled: false },
      deployPolicy: { autoRollback: true },
    });
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  });

  it("rolls back by itself unless told not to, block or no block", () => {
    expect(specOf(minimal).deployPolicy.autoRollback).toBe(true);
    expect(specOf(withLines("deployPolicy: {}")).deployPolicy.autoRollback).toBe(true);
    expect(specOf(withLines("deployPolicy: { autoRollback: false }")).deployPolicy.autoRollback).toBe(false);
  });

  it("keeps numbers in `env` as they are written", () => {
    expect(specOf(withLines('env: { A: 1.10, B: 0123, C: true, D: "x", E: 1e3, F: }')).env).toEqual({
      A: "1.10",
      B: "0123",
      C: "true",
      D: "x",
      E: "1e3",
      F: "",
    });
  });

  it("infers what kind a process is", () => {
    const spec = specOf(
      'name: a\nprocesses:\n  f: { command: x, function: {} }\n  c: { command: x, schedule: "0 3 * * *" }\n  s: { command: x, port: 1, health: {} }\n  w: { command: x }',
    );
    expect(spec.processes.map(({ kind }) => kind)).toEqual(["function", "cron", "service", "worker"]);
    expect(spec.processes[0]!.function).toEqual({ timeoutMs: 30_000 });
  });

  it("chooses the engine from what the app brings", () => {
    const built = (build: string) => specOf(`name: a\n${build}\nprocesses: { w: { command: x } }`);
    expect(engineOf(specOf(minimal))).toBe("process");
    expect(engineOf(built("build: { command: npm ci }"))).toBe("process");
    expect(engineOf(built("build: { dockerfile: Dockerfile }"))).toBe("docker");
    expect(engineOf(built("image: node:24"))).toBe("docker");
    expect(engineOf(built("build: { dockerfile: Dockerfile }\nengine: process"))).toBe("process");
    expect(built("engine: docker").build?.dockerfile).toBe("Dockerfile");
  });

  it("answers under its name with `web`, else with the first service by name", () => {
    const both = (names: string[]) =>
      defaultProcessOf(
        specOf(
          `name: a\nprocesses:\n${names.map((name, index) => `  ${name}: { command: x, port: ${index + 1}, health: {} }`).join("\n")}\n  aa: { command: x }`,
        ),
      )?.name;
    expect(both(["zoo", "web", "abc"])).toBe("web");
    expect(both(["zoo", "abc"])).toBe("abc");
  });

  it("updates one instance after the other when a volume has one writer", () => {
    const volume = (rest: string) => updateOf(specOf(withLines(`volumes: [{ name: data, mount: /data${rest} }]`)));
    expect(volume("")).toBe("recreate");
    expect(volume(", shared: true")).toBe("rolling");
    expect(volume(", readOnly: true")).toBe("rolling");
  });

  it("gives endpoints their host in one form", () => {
    const spec = specOf(withLines("endpoints: [{ url: 'https://Shop.Example.COM:8443/' }, { url: bücher.example }]"));
    expect(spec.endpoints.map(({ hostname }) => hostname)).toEqual(["shop.example.com", "xn--bcher-kva.example"]);
  });

  it("may use anchors and aliases", () => {
    const spec = specOf("name: a\nenv: &all { A: b }\nprocesses:\n  w: { command: x, env: *all }");
    expect(spec.processes[0]!.env).toEqual({ A: "b" });
  });
});

describe("findings", () => {
  it("say where, in the order of the file, and which field was meant", () => {
    const { spec, findings } = parseInfraspec("name: hello\ndeployy: true\nprocesses:\n  web:\n    comand: x\n    port: 99999\n");
    expect(spec).toBeNull();
    expect(findings).toEqual([
      {
        severity: "warning",
        field: "deployy",
        line: 2,
        column: 1,
        message: "`deployy` is not a field of infraspec and is ignored. Did you mean `deploy`?",
      },
      {
        severity: "error",
        field: "processes.web.command",
        line: 4,
        column: 3,
        message: "`processes.web.command` is required: without an image, nothing else says what to run.",
      },
      {
        severity: "warning",
        field: "processes.web.comand",
        line: 5,
        column: 5,
        message: "`processes.web.comand` is not a field of infraspec and is ignored. Did you mean `command`?",
      },
      {
        severity: "error",
        field: "processes.web.port",
        line: 6,
        column: 5,
        message: "`processes.web.port` must be a whole number from 1 to 65535, without quotes.",
      },
    ]);
  });

  const bad: [what: string, text: string, ...findings: string[]][] = [
    ["no name", "processes: { w: { command: x } }", "error name"],
    ["a name that is a path [I3]", "name: ../etc\nprocesses: { w: { command: x } }", "error name"],
    ["a name for a shell [I3]", "name: '$(id)'\nprocesses: { w: { command: x } }", "error name"],
    ["a reserved name", "name: svc\nprocesses: { w: { command: x } }", "error name"],
    ["a name that is a number", "name: 42\nprocesses: { w: { command: x } }", "error name"],
    ["no process", "name: a\nprocesses: {}", "error processes"],
    ["a process name that is a path", "name: a\nprocesses: { ../../x: { command: x } }", "error processes.../../x"],
    ["a list of processes", "name: a\nprocesses: [x]", "error processes"],
    ["no command", "name: a\nprocesses: { w: { env: {} } }", "error processes.w.command"],
    ["a command that is a list", "name: a\nprocesses: { w: { command: [a, b] } }", "error processes.w.command"],
    ["a service without health", "name: a\nprocesses: { w: { command: x, port: 80 } }", "warning processes.w.health"],
    [
      "one port twice",
      "name: a\nprocesses: { v: { command: x, port: 80, health: {} }, w: { command: x, port: 80, health: {} } }",
      "warning processes.w.port",
    ],
    ["a port in quotes", "name: a\nprocesses: { w: { command: x, port: '80' } }", "error processes.w.port"],
    ["health without a port", "name: a\nprocesses: { w: { command: x, health: { path: /h } } }", "error processes.w.health.path"],
    ["a health path without slash", withWeb("metrics: { path: m }"), "info processes.web.metrics", "error processes.web.metrics.path"],
    [
      "metrics without a port",
      "name: a\nprocesses: { w: { command: x, metrics: { enabled: true } } }",
      "info processes.w.metrics",
      "error processes.w.metrics.port",
    ],
    ["a duration without unit", withWeb("drain: { timeout: 30 }"), "error processes.web.drain.timeout"],
    ["a duration in words", withWeb("drain: { timeout: soon }"), "error processes.web.drain.timeout"],
    ["a signal that is none", withWeb("drain: { signal: SIGNOPE }"), "error processes.web.drain.signal"],
    [
      "less at most than at least",
      withWeb("scaling: { min: 3, max: 2 }"),
      "info processes.web.scaling.max",
      "error processes.web.scaling.max",
    ],
    [
      "odd resources",
      withWeb("resources: { cpu: 5, memory: 9000 }"),
      "warning processes.web.resources.cpu",
      "warning processes.web.resources.memory",
    ],
    ["a schedule of four fields", "name: a\nprocesses: { w: { command: x, schedule: '* * * *' } }", "error processes.w.schedule"],
    ["a schedule of minute 61", "name: a\nprocesses: { w: { command: x, schedule: '61 * * * *' } }", "error processes.w.schedule"],
    ["a schedule that never comes", "name: a\nprocesses: { w: { command: x, schedule: '0 0 30 2 *' } }", "error processes.w.schedule"],
    [
      "an unknown time zone",
      "name: a\nprocesses: { w: { command: x, schedule: '0 0 * * *', timezone: Mars/Olympus } }",
      "error processes.w.timezone",
    ],
    [
      "function and schedule",
      "name: a\nprocesses: { w: { command: x, schedule: '0 0 * * *', function: {} } }",
      "error processes.w.schedule",
    ],
    ["cron with a port", "name: a\nprocesses: { w: { command: x, schedule: '0 0 * * *', port: 80 } }", "warning processes.w.port"],
    ["an empty build", withLines("build: {}"), "warning build"],
    ["a Dockerfile elsewhere [I7]", withLines("build: { dockerfile: ../../Dockerfile }"), "error build.dockerfile"],
    ["image and Dockerfile", withLines("image: node:24\nbuild: { dockerfile: Dockerfile }"), "error image"],
    ["an image for a shell [I3]", withLines("image: 'node;reboot'"), "error image"],
    ["an image that is an option", withLines("image: --privileged"), "error image"],
    ["an image under the process engine", withLines("image: node:24\nengine: process"), "error image"],
    ["an engine that is none", withLines("engine: vm"), "error engine"],
    ["a repository without address", withLines("repo: { branch: main }"), "error repo.url"],
    ["a helper of git [I2]", withLines("repo: { url: 'ext::sh -c id' }"), "error repo.url"],
    ["an option of git [I2]", withLines("repo: { url: '--upload-pack=id' }"), "error repo.url"],
    ["ssh with an option for a host [I2]", withLines("repo: { url: 'ssh://-oProxyCommand=id/x' }"), "error repo.url"],
    ["a branch with substitution [I1]", withLines("repo: { url: 'https://h/r.git', branch: '$(id) x' }"), "error repo.branch"],
    ["a branch that is an option [I1]", withLines("repo: { url: 'https://h/r.git', branch: --force }"), "error repo.branch"],
    ["a page that is a script", withLines("repo: { url: 'https://h/r.git', repoWeb: 'javascript:alert(1)' }"), "error repo.repoWeb"],
    ["a password in the address [N4]", withLines("repo: { url: 'https://u:p@h/r.git' }"), "error repo.url"],
    ["a token in the address [N4]", withLines("repo: { url: 'https://token@h/r.git' }"), "error repo.url"],
    ["a repository of the server's own disk", withLines("repo: { url: 'file:///etc' }"), "error repo.url"],
    ["a repository without encryption", withLines("repo: { url: 'http://h/r.git' }"), "warning repo.url"],
    ["a volume on nothing", withLines("volumes: [{ name: data }]"), "error volumes[0].mount"],
    ["a relative mount", withLines("volumes: [{ name: data, mount: data }]"), "error volumes[0].mount"],
    ["a mount with options [I4]", withLines("volumes: [{ name: data, mount: '/data:/etc:rw' }]"), "error volumes[0].mount"],
    ["a mount that climbs [I4]", withLines("volumes: [{ name: data, mount: /a/../../etc }]"), "error volumes[0].mount"],
    ["a volume name that is a path [I7]", withLines("volumes: [{ name: ../x, mount: /data }]"), "error volumes[0].name"],
    [
      "one volume twice",
      withLines("volumes: [{ name: d, mount: /d }, { name: d, mount: /d/ }]"),
      "error volumes[1].name",
      "error volumes[1].mount",
    ],
    [
      "several writers of one volume",
      `${withWeb("scaling: { min: 2 }")}volumes: [{ name: d, mount: /d }]\n`,
      "warning processes.web.scaling.min",
    ],
    ["an endpoint that is no address", withLines("endpoints: [{ url: 'http://' }]"), "error endpoints[0].url"],
    ["an endpoint of ours [N11]", withLines("endpoints: [{ url: 'http://other.localhost' }]"), "error endpoints[0].url"],
    ["an endpoint by number", withLines("endpoints: [{ url: 'http://2130706433' }]"), "error endpoints[0].url"],
    ["an endpoint twice", withLines("endpoints: [{ url: a.example.com }, { url: 'https://A.example.com.' }]"), "error endpoints[1].url"],
    ["an endpoint with a path", withLines("endpoints: [{ url: 'https://a.example.com/x' }]"), "warning endpoints[0].url"],
    ["an endpoint of nobody", withLines("endpoints: [{ url: a.example.com, process: nobody }]"), "error endpoints[0].process"],
    ["a secret key that is none", withLines("secrets: [a-b]"), "info secrets", "error secrets[0]"],
    ["a secret in plain sight", withLines("env: { STRIPE_API_KEY: abc }"), "warning env.STRIPE_API_KEY"],
    ["a connection string", withLines("env: { DB: 'postgres://u:p@h/d' }"), "warning env.DB"],
    ["a secret given twice", withLines("secrets: [KEY]\nenv: { KEY: v }"), "info secrets", "warning env.KEY"],
    ["what Norns sets itself", withLines("env: { PORT: 80 }"), "warning env.PORT"],
    ["a variable that is none", withLines("env: { 'A B': x }"), "error env.A B"],
    ["a map as a variable", withLines("env: { A: { b: c } }"), "error env.A"],
    [
      "a database for a shell",
      withLines("infrastructure: { postgres: { database: 'host=evil dbname=x' } }"),
      "info infrastructure.postgres",
      "error infrastructure.postgres.database",
    ],
    [
      "a database without name",
      withLines("infrastructure: { postgres: {} }"),
      "info infrastructure.postgres",
      "error infrastructure.postgres.database",
    ],
    [
      "odd topics",
      withLines("infrastructure: { kafka: { topics: [a b, ok, ok] } }"),
      "info infrastructure.kafka",
      "error infrastructure.kafka.topics[0]",
      "error infrastructure.kafka.topics[2]",
    ],
    [
      "odd buckets",
      withLines("infrastructure: { objectStorage: { provider: x, buckets: [{ name: A, access: all }] } }"),
      "info infrastructure.objectStorage",
      "warning infrastructure.objectStorage.provider",
      "error infrastructure.objectStorage.buckets[0].name",
      "error infrastructure.objectStorage.buckets[0].access",
    ],
    ["a block left empty", withLines("build:"), "info build"],
    ["true in quotes", withLines("deploy: 'yes'"), "error deploy"],
    ["a list for a file", "- a", "error "],
    ["a merge key", "name: a\nx: &x { command: y }\nprocesses: { w: { <<: *x } }", "error <<"],
    ["a key twice", "name: a\nname: b\nprocesses: { w: { command: y } }", "error "],
    ["broken YAML", "name: [", "error "],
    ["nothing", "# only a comment", "error "],
  ];
  it.each(bad)("name %s", (_, text, ...expected) => {
    expect(findingsOf(text).toSorted()).toEqual(expected.toSorted());
    expect(parseInfraspec(text).spec === null).toBe(expected.some((finding) => finding.startsWith("error")));
    for (const finding of parseInfraspec(text).findings) expect(finding.line, finding.message).toBeGreaterThan(0);
  });

  it("never repeat a value that looks secret", () => {
    const { findings } = parseInfraspec(withLines("env: { API_TOKEN: hunter2, X: 'postgres://u:hunter2@h/d' }"));
    expect(findings).toHaveLength(2);
    expect(JSON.stringify(findings)).not.toContain("hunter2");
  });

  it("make secrets in plain sight errors when asked to", () => {
    const text = withLines("env: { API_TOKEN: hunter2 }");
    expect(findingsOf(text, { strictSecrets: true })).toEqual(["error env.API_TOKEN"]);
    expect(parseInfraspec(text, { strictSecrets: true }).spec).toBeNull();
  });

  it("still tell the name of a file that is otherwise wrong", () => {
    expect(parseInfraspec("name: shop\nprocesses: 3").name).toBe("shop");
    expect(parseInfraspec("name: Shop\nprocesses: 3").name).toBeUndefined();
  });

  it("hold names to the very pattern of the kernel", () => {
    expect(String(namePattern)).toBe(String(kernelPattern));
  });
});
