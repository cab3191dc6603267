/** Copies a source tree into a directory of ours, links as links, within bounds. */
import { constants } from "node:fs";
import { copyFile, lchown, lstat, mkdir, opendir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { invalid, quota } from "@norns/kernel/errors";

export interface CopyLimits {
  readonly bytes: number;
  readonly files: number;
}

export const defaultCopyLimits: CopyLimits = { bytes: 2 * 1024 ** 3, files: 200_000 };

/** `owner` gets everything copied. A pipe, socket or device in the source is an error, not an adventure. */
export async function copyTree(
  from: string,
  to: string,
  options: { limits: CopyLimits; owner?: number; signal: AbortSignal },
): Promise<void> {
  let { bytes, files } = options.limits;
  const give = async (path: string) => {
    if (options.owner !== undefined) await lchown(path, options.owner, options.owner);
  };
  const copyDirectory = async (source: string, target: string): Promise<void> => {
    await mkdir(target, { mode: 0o750 });
    for await (const entry of await opendir(source)) {
      options.signal.throwIfAborted();
      const [path, copy] = [join(source, entry.name), join(target, entry.name)];
      const found = await lstat(path);
      files -= 1;
      bytes -= found.isFile() ? found.size : 0;
      if (files < 0 || bytes < 0) {
        const { limits } = options;
        throw quota(
          "source_too_large",
          `The source holds more than ${limits.files} files or ${limits.bytes} bytes. Leave out what the app does not need.`,
        );
      }
      if (found.isDirectory()) await copyDirectory(path, copy);
      else if (found.isSymbolicLink()) {
        await symlink(await readlink(path), copy);
        await give(copy);
      } else if (found.isFile()) {
        await copyFile(path, copy, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
        await give(copy);
      } else {
        throw invalid("source_invalid", `The source holds "${entry.name}", which is neither a file, a directory nor a link.`);
      }
    }
    await give(target);
  };
  await copyDirectory(from, to);
}
