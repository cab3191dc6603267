/** Texts of infraspecs for tests: valid by default, with one thing changed. */
export const minimal = `name: hello
processes:
  web:
    command: node server.js
    port: 3000
    health: { path: /health }
`;

/** `minimal` with lines put behind it. */
export const withLines = (lines: string): string => `${minimal}${lines}\n`;

/** `minimal` with further fields for `web`, written in flow style: `resources: { cpu: 5 }`. */
export const withWeb = (fields: string): string =>
  `name: hello\nprocesses:\n  web: { command: node server.js, port: 3000, health: { path: /health }, ${fields} }\n`;
