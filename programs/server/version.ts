import { readFileSync } from "node:fs";

const { version: own } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };

/** Norns' version, of the package at the repository's root. */
export const version = own;
