import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guessInfraspec } from "./guess.ts";
import { engineOf } from "./infraspec.ts";
import { parseInfraspec } from "./parse.ts";

const guess = (files: Record<string, string>, folder = "my-app") => {
  const { text, guesses } = guessInfraspec({
    folder,
    names: Object.keys(files),
    read: (name) => (Object.hasOwn(files, name) ? files[name] : undefined),
  });
  const { spec, findings } = parseInfraspec(text);
  if (!spec) throw new Error(`${JSON.stringify(findings)}\n${text}`);
  return { text, guesses, spec, findings, web: spec.processes[0]! };
};

describe("a guessed infraspec", () => {
  it("knows a Node server with dependencies", () => {
    const { spec, web, findings, guesses } = guess({
      "package.json": JSON.stringify({
        name: "@acme/Shop_Front",
        scripts: { start: "node src/server.js", build: "tsc", test: "vitest" },
        dependencies: { express: "5" },
      }),
      "package-lock.json": "{}",
      "src/server.js": "app.get('/healthz', ok); app.listen(process.env.PORT || 4000)",
    });
    expect(findings).toEqual([]);
    expect(spec).toMatchObject({ name: "shop-front", build: { command: "npm ci && npm run build" } });
    expect(web).toMatchObject({ name: "web", kind: "service", command: "node src/server.js", port: 4000, health: { path: "/healthz" } });
    expect(guesses.join("\n")).toMatch(/shop-front.*package\.json.*4000.*\/healthz/s);
  });

  it("knows a Node program that serves nothing, and one of a single file", () => {
    expect(guess({ "package.json": '{"scripts":{"start":"node index.js"}}', "index.js": "setInterval(work, 1000)" }).web).toMatchObject({
      name: "worker",
      kind: "worker",
    });
    expect(guess({ "server.mjs": "createServer().listen(8080)" }).guesses.join(" ")).toContain("fixed port 8080");
    expect(guess({ "package.json": "not json", "server.js": "x.listen(1)" }).web.command).toBe("node server.js");
  });

  it("knows a Dockerfile, and lets it decide", () => {
    const { spec, web, findings } = guess({
      Dockerfile: "FROM x\nEXPOSE 8080\nHEALTHCHECK CMD curl -f http://localhost:8080/up",
      "package.json": '{"name":"boxed","scripts":{"start":"node x"}}',
    });
    expect(findings).toEqual([]);
    expect(engineOf(spec)).toBe("docker");
    expect(spec.name).toBe("boxed");
    expect(web).toMatchObject({ port: 8080, health: { path: "/up" } });
    expect(web.command).toBeUndefined();
  });

  it("knows a Procfile", () => {
    const { spec } = guess({
      Procfile: "web: bundle exec puma -p $PORT\nworker: bundle exec sidekiq\nrelease: rake db:migrate\n",
      Gemfile: "",
    });
    expect(spec.processes.map(({ name, kind, command }) => [name, kind, command])).toEqual([
      ["web", "service", "bundle exec puma -p $PORT"],
      ["worker", "worker", "bundle exec sidekiq"],
    ]);
    expect(spec.migrations).toBe("rake db:migrate");
  });

  it("knows Python, Go, Rust and a page", () => {
    expect(guess({ "requirements.txt": "fastapi\nuvicorn", "main.py": "app = FastAPI()" }).web.command).toBe(
      ".venv/bin/python -m uvicorn main:app --host $HOST --port $PORT",
    );
    expect(guess({ "requirements.txt": "Flask==3", "app.py": "" }).web.command).toContain("flask --app app run");
    expect(guess({ "go.mod": "module github.com/acme/shop/v2\n", "cmd/shop/main.go": 'http.ListenAndServe(":9000", nil)' })).toMatchObject({
      spec: { name: "shop", build: { command: "go build -o app ./cmd/shop" } },
      web: { port: 9000 },
    });
    expect(guess({ "Cargo.toml": '[package]\nname = "oxide"' }).web.command).toBe("./target/release/oxide");
    expect(guess({ "index.html": "" }).web.command).toContain("http.server");
  });

  it("writes down the names of secrets and never their values", () => {
    const { spec, text } = guess({
      "server.js": "",
      ".env.example": "API_KEY=hunter2\nLOG_LEVEL=info\nPORT=3\nDB=postgres://u:hunter2@h/d\n",
      ".env": "REAL=hunter3",
    });
    expect(spec.secrets).toEqual(["API_KEY", "DB"]);
    expect(spec.env).toEqual({ LOG_LEVEL: "info" });
    expect(text).not.toMatch(/hunter/);
  });

  it("says so when it knows nothing", () => {
    expect(guess({}, "!!!").guesses.join(" ")).toContain("placeholder");
    expect(guess({}, "svc").spec.name).toBe("svc-app");
  });

  it("is valid whatever the files say", () => {
    const nasty = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '": {',
        "yes",
        "1.0",
        "#",
        "a: b",
        "*x",
        "\\u0000",
        "__proto__",
        "constructor",
        "prototype",
        "EXPOSE 99999",
        "listen(0)",
        "web: x\nweb: y",
        "constructor: x",
        "svc: x",
      ),
    );
    const names = [
      "package.json",
      "Dockerfile",
      "Procfile",
      "requirements.txt",
      "go.mod",
      "Cargo.toml",
      ".env.example",
      "server.js",
      "main.py",
    ];
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), nasty, { noNullPrototype: true }),
        fc.string(),
        fc.dictionary(fc.constantFrom("start", "build", "test"), nasty, { noNullPrototype: true }),
        nasty,
        (files, folder, scripts, name) => {
          guess({ ...files }, folder);
          guess({ ...files, "package.json": JSON.stringify({ name, scripts, dependencies: { a: "1" } }) }, folder);
        },
      ),
      { numRuns: 400 },
    );
  });
});
