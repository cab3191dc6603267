/**
 * The directories an app may see: its homes, its volumes, its releases. Ours are 0711 (to pass through, not to look
 * into); what is the app's belongs to its own user, 0700. We give away only what we just made inside a directory of
 * ours, so no link of the app's making is ever followed by root.
 */
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { invalid } from "@norns/kernel/errors";
import { namePattern, type AppName } from "@norns/kernel/ids";
import type { VolumeMount } from "../workload.ts";
import type { Paths } from "./paths.ts";

export interface AppDirectories {
  readonly home: string;
  readonly tmp: string;
}

export async function ensureHome(paths: Paths, app: AppName, purpose: "run" | "build", uid: number | undefined): Promise<AppDirectories> {
  await ensurePassage(paths.homes());
  await ensurePassage(paths.homes(app));
  const home = join(paths.homes(app), purpose);
  const tmp = join(paths.homes(app), `${purpose}-tmp`);
  await ensureOwned(home, uid);
  await ensureOwned(tmp, uid);
  return { home, tmp };
}

export async function ensureVolumes(
  paths: Paths,
  app: AppName,
  volumes: readonly VolumeMount[],
  uid: number | undefined,
): Promise<{ name: string; path: string; readOnly: boolean }[]> {
  if (volumes.length === 0) return [];
  await ensurePassage(paths.volumes());
  await ensurePassage(paths.volumes(app));
  return Promise.all(
    volumes.map(async ({ name, readOnly }) => {
      if (!namePattern.test(name))
        throw invalid("volume_name_invalid", `"${name}" cannot name a volume: use lower-case letters, digits and hyphens.`);
      const path = join(paths.volumes(app), name);
      await ensureOwned(path, uid);
      return { name, path, readOnly };
    }),
  );
}

export async function ensurePassage(path: string): Promise<void> {
  if (await mkdir(path, { recursive: true, mode: 0o711 })) await chmod(path, 0o711);
}

async function ensureOwned(path: string, uid: number | undefined): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return;
  }
  if (uid !== undefined) await chown(path, uid, uid);
}
