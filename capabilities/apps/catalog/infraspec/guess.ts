/** A first infraspec for a repository that has none: what `norns init` writes. Pure; a person reads it before it is used. */
import {
  guessDocker,
  guessGo,
  guessNode,
  guessProcfile,
  guessPython,
  guessRuby,
  guessRust,
  guessStatic,
  toName,
  type Guess,
  type GuessedProcess,
  type RepositoryFiles,
} from "./guess-ecosystem.ts";
import { looksSecret } from "./secret-like.ts";

export type { RepositoryFiles } from "./guess-ecosystem.ts";

export interface GuessedInfraspec {
  /** Commented YAML without an error. */
  readonly text: string;
  /** What was concluded, from which file, and what was only assumed; a sentence each. */
  readonly guesses: readonly string[];
}

/**
 * Looks at the names, reads a few small files, and writes an infraspec.
 *
 * @example
 * const { text, guesses } = guessInfraspec({ folder: "shop", names: ["package.json", "server.js"], read: (name) => readText(name) });
 */
export function guessInfraspec(files: RepositoryFiles): GuessedInfraspec {
  const language = [guessNode, guessPython, guessGo, guessRust, guessRuby, guessStatic]
    .map((guess) => guess(files))
    .find((guess) => guess !== undefined);
  const docker = guessDocker(files);
  const procfile = guessProcfile(files);
  const base: Guess = docker ??
    language ?? {
      processes: [{ name: "web", command: "./start.sh", isService: true }],
      sources: [],
      because: ["Nothing here says how the app is started: `./start.sh` is a placeholder. Change it."],
    };
  const main: Guess = procfile ? { ...base, ...procfile, because: [...procfile.because, ...base.because] } : base;

  const name = [language?.name, files.folder].map((each) => toName(each ?? "")).find((each) => each !== "") ?? "app";
  const source = [...base.sources, ...(language?.sources ?? [])].map((each) => files.read(each) ?? "").join("\n");
  const port = guessPort(source);
  const path = guessHealthPath(source);
  const { secrets, env } = guessVariables(files);
  const hasService = main.processes.some(({ isService }) => isService);

  const guesses = [
    `The name is \`${name}\`, from ${language?.name ? "the project's own" : "the directory's"}: it is reached at ${name}.localhost.`,
    ...main.because,
    ...(hasService ? [port.because, path.because] : []),
    ...(secrets.length > 0
      ? [
          `.env.example: ${secrets.join(", ")} ${secrets.length === 1 ? "looks like a secret" : "look like secrets"}; only the names are written down.`,
        ]
      : []),
  ];
  return { text: render({ name, main, port: port.port, path: path.path, secrets, env }), guesses };
}

function guessPort(source: string): { port: number; because: string } {
  const exposed = /^\s*EXPOSE\s+(\d{2,5})/im.exec(source)?.[1];
  const fallback = /PORT["']?\]?\)?\s*(?:\|\||\?\?|,|=)\s*["']?:?(\d{2,5})/.exec(source)?.[1];
  const fixed = /(?:\.listen\(\s*|ListenAndServe\(\s*["'][^"']*:|port\s*[=:]\s*)(\d{2,5})/i.exec(source)?.[1];
  const found = Number(exposed ?? fallback ?? fixed);
  if (!(found >= 1 && found <= 65535))
    return { port: 3000, because: "No port was found; 3000 is written down. The app must listen on `$PORT`, whatever the number." };
  if (exposed === undefined && fallback === undefined)
    return {
      port: found,
      because: `The source listens on the fixed port ${found}. Change it to listen on \`$PORT\`: each instance gets a port of its own.`,
    };
  return {
    port: found,
    because: `The port is ${found}, as ${exposed === undefined ? "the source falls back to" : "the Dockerfile exposes"}.`,
  };
}

function guessHealthPath(source: string): { path: string | undefined; because: string } {
  const found =
    /["'`](\/(?:api\/)?(?:healthz?|health-?check|livez|readyz|up|ping|_health|status))["'`?]/.exec(source)?.[1] ??
    /HEALTHCHECK[^\n]*https?:\/\/[^/\s"']+(\/[\w./-]*)/i.exec(source)?.[1];
  if (found !== undefined) return { path: found, because: `The health check asks ${found}, which the source answers.` };
  return {
    path: undefined,
    because: "No health path was found: the check only opens the port. Give the app one, such as /health, and name it in `health.path`.",
  };
}

/** Names in .env.example; never its values when they look secret, and never anything of .env itself. */
function guessVariables(files: RepositoryFiles): { secrets: string[]; env: [string, string][] } {
  const text = files.read(".env.example") ?? files.read(".env.sample") ?? "";
  const secrets: string[] = [];
  const env: [string, string][] = [];
  for (const [, key, value] of text.matchAll(/^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,60})=(.{0,200})$/gm)) {
    if (key === "PORT" || key === "HOST" || key!.startsWith("NORNS_") || ["constructor", "prototype", "__proto__"].includes(key!)) continue;
    const plain = value!.trim().replaceAll(/^["']|["']$/g, "");
    if (looksSecret(key!, plain)) secrets.push(key!);
    else env.push([key!, plain]);
  }
  return { secrets: [...new Set(secrets)].slice(0, 50), env: [...new Map(env)].slice(0, 50) };
}

interface Parts {
  readonly name: string;
  readonly main: Guess;
  readonly port: number;
  readonly path: string | undefined;
  readonly secrets: readonly string[];
  readonly env: readonly (readonly [string, string])[];
}

function render({ name, main, port, path, secrets, env }: Parts): string {
  const build = [
    main.dockerfile === undefined ? undefined : `  dockerfile: ${quoted(main.dockerfile)}`,
    main.build === undefined || main.dockerfile !== undefined
      ? undefined
      : `  command: ${quoted(main.build)}    # once, before a release is made`,
    main.test === undefined || main.dockerfile !== undefined
      ? undefined
      : `  # test: ${quoted(main.test)}    # take the # away to run it before each release`,
  ].filter((line) => line !== undefined);
  const hasBuild = build.some((line) => !line.startsWith("  #"));
  return [
    "# How Norns runs this app. Every field: docs/infraspec.md. Check it with `norns validate`, deploy with `norns deploy`.",
    `name: ${quoted(name)}    # its address: http://${name}.localhost`,
    "",
    ...(hasBuild
      ? ["build:", ...build, ""]
      : build.length > 0
        ? ["# build:", ...build.map((line) => `# ${line.replace(/^ {2}# /, "  ")}`), ""]
        : []),
    "processes:",
    ...renderProcesses(main.processes, port, path),
    ...(main.migrations === undefined ? [] : [`migrations: ${quoted(main.migrations)}    # before each new release starts`, ""]),
    ...(env.length === 0
      ? []
      : ["env:    # no secrets here: this file is read by many", ...env.map(([key, value]) => `  ${key}: ${quoted(value)}`), ""]),
    ...(secrets.length === 0 ? [] : ["secrets:    # names only", ...secrets.map((key) => `  - ${key}`), ""]),
    "# volumes:              # directories that outlive releases; the path is in NORNS_VOLUME_DATA",
    "#   - name: data",
    "#     mount: /data",
    "",
  ].join("\n");
}

function renderProcesses(processes: readonly GuessedProcess[], port: number, path: string | undefined): string[] {
  return processes.flatMap(({ name, command, isService }) => [
    `  ${quoted(name)}:`,
    ...(command === undefined ? [] : [`    command: ${quoted(command)}`]),
    ...(isService
      ? [
          `    port: ${port}    # listen on $HOST:$PORT; in a container $PORT is this number`,
          "    health:",
          ...(path === undefined
            ? ["      # path: /health    # without it the check only opens the port", "      interval: 10s"]
            : [`      path: ${quoted(path)}`]),
        ]
      : command === undefined
        ? ["    env: {}    # the image says what to run"]
        : []),
    "",
  ]);
}

/** Plain where YAML reads it as the same text, else in double quotes, which JSON writes the same way. */
const quoted = (text: string): string =>
  /^[A-Za-z./][A-Za-z0-9 ./_=@+-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|~)$|\s$|\s#/i.test(text) && !/^[.\d]+$/.test(text)
    ? text
    : JSON.stringify(text);
