/** What the files of a repository say about how its program is built and started, one language a function. Pure. */

/** The repository as it is looked at: names relative to its root with `/`, and a reader that answers undefined for what is not there. */
export interface RepositoryFiles {
  /** The name of the directory that the repository stands in. */
  readonly folder: string;
  readonly names: readonly string[];
  read(name: string): string | undefined;
}

export interface GuessedProcess {
  readonly name: string;
  readonly command?: string;
  readonly isService: boolean;
}

/** Parts of an infraspec; what nothing was found about is absent. */
export interface Guess {
  readonly name?: string;
  readonly dockerfile?: string;
  readonly build?: string;
  readonly test?: string;
  readonly migrations?: string;
  readonly processes: readonly GuessedProcess[];
  /** Files in which a port and a health path may be found. */
  readonly sources: readonly string[];
  /** What was concluded from what, for a person. */
  readonly because: readonly string[];
}

type Guesser = (files: RepositoryFiles) => Guess | undefined;

const web = (command: string, isService = true): GuessedProcess => ({ name: isService ? "web" : "worker", command, isService });

export const guessProcfile: Guesser = (files) => {
  const text = files.read("Procfile");
  if (text === undefined) return undefined;
  const lines = [...text.matchAll(/^([A-Za-z0-9_-]+):\s*(.+)$/gm)].map(([, name, command]) => ({
    name: toName(name!),
    command: command!.trim(),
  }));
  const byName = new Map(lines.filter(({ name, command }) => name !== "" && command !== "").map((line) => [line.name, line]));
  const processes = [...byName.values()]
    .filter(({ name }) => name !== "release")
    .map(({ name, command }) => ({ name, command, isService: name === "web" }));
  if (processes.length === 0) return undefined;
  const release = byName.get("release");
  const because = [
    `Procfile: the processes ${processes.map(({ name }) => name).join(", ")}${release ? ", and `release` as migrations" : ""}.`,
  ];
  return { processes, sources: [], because, ...(release ? { migrations: release.command } : {}) };
};

export const guessDocker: Guesser = (files) => {
  const dockerfile =
    files.names.find((name) => name === "Dockerfile") ??
    files.names.find((name) => /(^|\/)Dockerfile$/.test(name) && name.split("/").length === 2);
  if (dockerfile === undefined) return undefined;
  const text = files.read(dockerfile) ?? "";
  const isService = /^\s*EXPOSE\s+\d+/im.test(text) || /PORT/.test(text);
  return {
    dockerfile,
    processes: [{ name: isService ? "web" : "worker", isService }],
    sources: [dockerfile],
    because: [
      `${dockerfile}: the engine is Docker, and the image says what to run${isService ? "" : "; it exposes no port, so it is a worker"}.`,
    ],
  };
};

interface PackageJson {
  readonly name?: string;
  readonly main?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export const guessNode: Guesser = (files) => {
  const manifest = readPackage(files.read("package.json"));
  const entry = [
    manifest?.main,
    "server.js",
    "server.mjs",
    "server.ts",
    "index.js",
    "index.mjs",
    "index.ts",
    "app.js",
    "src/server.js",
    "src/server.ts",
    "src/index.js",
    "src/index.ts",
  ].find((name) => name !== undefined && files.names.includes(name.replace(/^\.\//, "")));
  if (!manifest && !entry) return undefined;
  const scripts = manifest?.scripts ?? {};
  const start = scripts["start"] ?? (entry ? `node ${entry}` : undefined);
  if (start === undefined) return undefined;
  // Started directly, the program itself gets the signal to end; npm in between would have to pass it on.
  const isDirect = /^node\s+[\w./@-]+$/.test(start);
  const hasDependencies = Object.keys(manifest?.dependencies ?? {}).length + Object.keys(manifest?.devDependencies ?? {}).length > 0;
  const started = entry ?? /^node\s+([\w./@-]+)$/.exec(start)?.[1];
  const source = started === undefined ? "" : (files.read(started.replace(/^\.\//, "")) ?? "");
  const isService = source === "" || /\.listen\(|\bserve\(|createServer|export default/.test(source) || hasServer(manifest);
  const tool = installer(files);
  const builds = scripts["build"] !== undefined;
  const install = hasDependencies ? (builds ? tool.all : tool.production) : undefined;
  const build = [install, builds ? `${tool.name} run build` : undefined].filter((each) => each !== undefined).join(" && ");
  const hasTest = scripts["test"] !== undefined && !scripts["test"].includes("no test specified");
  return {
    ...(manifest?.name ? { name: manifest.name.replace(/^@[^/]+\//, "") } : {}),
    ...(build === "" ? {} : { build }),
    ...(hasTest ? { test: `${tool.name} test` } : {}),
    processes: [web(isDirect ? start : `${tool.name} start`, isService)],
    sources: started === undefined ? [] : [started.replace(/^\.\//, "")],
    because: [
      manifest
        ? `package.json: started with \`${isDirect ? start : `${tool.name} start`}\`${build === "" ? ", nothing to install" : `, built with \`${build}\``}.`
        : `${entry}: started with \`${start}\`.`,
      ...(isService ? [] : [`${started}: listens on nothing, so it is a worker.`]),
      ...(hasTest && builds === false && tool.production.includes("omit")
        ? ["package.json: the test runs without development dependencies; change `build.command` if it needs them."]
        : []),
    ],
  };
};

const hasServer = (manifest: PackageJson | undefined): boolean =>
  Object.keys(manifest?.dependencies ?? {}).some((name) =>
    /^(express|fastify|koa|hono|next|nuxt|@nestjs\/core|@hapi\/hapi|polka|restify|@hono\/node-server)$/.test(name),
  );

function installer(files: RepositoryFiles): { name: string; production: string; all: string } {
  if (files.names.includes("pnpm-lock.yaml"))
    return { name: "pnpm", production: "pnpm install --frozen-lockfile --prod", all: "pnpm install --frozen-lockfile" };
  if (files.names.includes("yarn.lock"))
    return { name: "yarn", production: "yarn install --frozen-lockfile", all: "yarn install --frozen-lockfile" };
  const verb = files.names.includes("package-lock.json") ? "ci" : "install";
  return { name: "npm", production: `npm ${verb} --omit=dev`, all: `npm ${verb}` };
}

function readPackage(text: string | undefined): PackageJson | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? withTextsOnly(value) : undefined;
  } catch {
    return undefined; // not JSON: as good as not there, and npm will say so better than we can
  }
}

/** Keeps of a package.json what has the right type. */
function withTextsOnly(value: object): PackageJson {
  const given = value as Record<string, unknown>;
  const texts = (each: unknown): Record<string, string> =>
    typeof each === "object" && each !== null
      ? Object.fromEntries(Object.entries(each).filter((entry): entry is [string, string] => typeof entry[1] === "string"))
      : {};
  return {
    ...(typeof given["name"] === "string" ? { name: given["name"] } : {}),
    ...(typeof given["main"] === "string" ? { main: given["main"] } : {}),
    scripts: texts(given["scripts"]),
    dependencies: texts(given["dependencies"]),
    devDependencies: texts(given["devDependencies"]),
  };
}

export const guessPython: Guesser = (files) => {
  const requirements = files.read("requirements.txt");
  const project = files.read("pyproject.toml");
  if (requirements === undefined && project === undefined) return undefined;
  const needs = `${requirements ?? ""}\n${project ?? ""}`.toLowerCase();
  const module = ["main", "app", "server", "wsgi"].find((name) => files.names.includes(`${name}.py`)) ?? "main";
  const python = ".venv/bin/python";
  const name = /^\s*name\s*=\s*["']([^"']+)["']/m.exec(project ?? "")?.[1];
  const command = /\bfastapi\b|\buvicorn\b|\bstarlette\b/.test(needs)
    ? `${python} -m uvicorn ${module}:app --host $HOST --port $PORT`
    : files.names.includes("manage.py")
      ? `${python} manage.py runserver $HOST:$PORT --noreload`
      : /\bgunicorn\b/.test(needs)
        ? `${python} -m gunicorn ${module}:app --bind $HOST:$PORT`
        : /\bflask\b/.test(needs)
          ? `${python} -m flask --app ${module} run --host $HOST --port $PORT`
          : `${python} ${module}.py`;
  const install = requirements === undefined ? "." : "-r requirements.txt";
  const isService = command.includes("$PORT") || /http\.server|socketserver|aiohttp|tornado/.test(files.read(`${module}.py`) ?? "");
  return {
    ...(name ? { name } : {}),
    build: `python3 -m venv .venv && ${python} -m pip install ${install}`,
    ...(files.names.includes("manage.py") ? { migrations: `${python} manage.py migrate` } : {}),
    processes: [web(command, isService)],
    sources: [`${module}.py`],
    because: [`${requirements === undefined ? "pyproject.toml" : "requirements.txt"}: Python, started with \`${command}\`.`],
  };
};

export const guessGo: Guesser = (files) => {
  const module = files.read("go.mod");
  if (module === undefined) return undefined;
  const name = /^module\s+(\S+)/m
    .exec(module)?.[1]
    ?.split("/")
    .findLast((part) => !/^v\d+$/.test(part));
  const main = files.names.includes("main.go")
    ? "."
    : `./${files.names.find((each) => /^cmd\/[^/]+\/main\.go$/.test(each))?.replace(/\/main\.go$/, "") ?? ""}`;
  const source = main === "." ? "main.go" : `${main.slice(2)}/main.go`;
  return {
    ...(name ? { name } : {}),
    build: `go build -o app ${main}`,
    test: "go test ./...",
    processes: [web("./app", !files.read(source) || /net\/http|ListenAndServe|gin|echo|fiber|chi/.test(files.read(source)!))],
    sources: [source],
    because: [`go.mod: Go, built from ${main}.`],
  };
};

export const guessRust: Guesser = (files) => {
  const name = /^\s*name\s*=\s*"([^"]+)"/m.exec(files.read("Cargo.toml") ?? "")?.[1];
  if (name === undefined) return undefined;
  return {
    name,
    build: "cargo build --release --locked",
    test: "cargo test",
    processes: [web(`./target/release/${name}`)],
    sources: ["src/main.rs"],
    because: ["Cargo.toml: Rust, built with cargo."],
  };
};

export const guessRuby: Guesser = (files) => {
  if (!files.names.includes("Gemfile")) return undefined;
  const isRails = files.names.includes("bin/rails");
  const command = isRails ? "bundle exec rails server --binding $HOST --port $PORT" : "bundle exec rackup --host $HOST --port $PORT";
  return {
    build: "bundle config set --local path vendor/bundle && bundle install",
    ...(isRails ? { migrations: "bundle exec rails db:migrate" } : {}),
    processes: [web(command)],
    sources: ["config.ru"],
    because: [`Gemfile: Ruby, started with \`${command}\`.`],
  };
};

export const guessStatic: Guesser = (files) => {
  if (!files.names.includes("index.html")) return undefined;
  return {
    processes: [web("python3 -m http.server $PORT --bind $HOST")],
    sources: [],
    because: ["index.html and nothing that serves it: Python's own file server does."],
  };
};

/** Lower case, digits and hyphens, as names of apps and processes are; empty when nothing is left. */
export function toName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 59)
    .replaceAll(/^-+|-+$/g, "");
  return ["svc", "localhost", "constructor", "prototype"].includes(name) ? `${name}-app` : name;
}
