/** A one-off command of the user, in a container of the app's image that is gone afterwards whatever happened. */
import { readFile } from "node:fs/promises";
import { invalid } from "@norns/kernel/errors";
import type { RunRequest } from "../port.ts";
import { labels, type Place, toRunBody } from "./requests.ts";
import { type Daemon, frames, isRefusal } from "./transport.ts";

/** What one command may print; of that the journal keeps head and tail. */
const maxOutputBytes = 64 * 1024 * 1024;

export async function runInContainer(daemon: Daemon, place: Place, network: string, request: RunRequest): Promise<{ exitCode: number }> {
  if (request.artifact.kind !== "image") throw invalid("artifact_wrong_kind", "Docker runs images, and that release is a directory.");
  request.signal.throwIfAborted();
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  const body = toRunBody(request, { image: request.artifact.image, network, owner: await ownName() }, place);
  let id: string | undefined;
  try {
    // Not under the signal: a create that was given up on half way would leave a container without anybody who knows it.
    id = (await daemon.call<{ Id: string }>("POST", "/containers/create", { body })).Id;
    const output = await daemon.stream("POST", `/containers/${id}/attach`, { query: { stream: true, stdout: true, stderr: true }, signal });
    const ended = daemon.call<{ StatusCode: number }>("POST", `/containers/${id}/wait`, {
      query: { condition: "next-exit" },
      signal,
      timeoutMs: request.timeoutMs + 60_000,
    });
    // Awaited below; a failure of the start must not leave it unhandled.
    ended.catch(() => {});
    await daemon.call("POST", `/containers/${id}/start`, { signal });
    let bytes = 0;
    for await (const batch of frames(output)) {
      for (const { stream, payload } of batch) {
        bytes += payload.length;
        request.output(stream, payload);
      }
      if (bytes > maxOutputBytes)
        throw invalid("command_output_too_large", `The command printed more than ${maxOutputBytes / 1024 ** 2} MB and was ended.`);
    }
    return { exitCode: (await ended).StatusCode };
  } catch (thrown) {
    if (request.signal.aborted) throw request.signal.reason;
    if (timeout.aborted)
      throw invalid("command_timed_out", `The command took longer than ${Math.round(request.timeoutMs / 100) / 10} s and was ended.`, {
        cause: thrown,
      });
    if (isRefusal(thrown, 404) && id === undefined)
      throw invalid("artifact_missing", "The image of that release is no longer there. Deploy again.", { cause: thrown });
    if (isRefusal(thrown, 400)) throw invalid("command_failed", "The image has no sh to run the command with.", { cause: thrown });
    throw thrown;
  } finally {
    if (id !== undefined) await removeContainer(daemon, id);
  }
}

export async function removeContainer(daemon: Daemon, id: string): Promise<void> {
  try {
    await daemon.call("DELETE", `/containers/${id}`, { query: { force: true, v: true } });
  } catch (thrown) {
    // 404: gone already. 409: its removal is under way.
    if (!isRefusal(thrown, 404, 409)) throw thrown;
  }
}

interface Listed {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** One-off containers whose server died over them: their output has no reader and their end no witness. */
export async function removeAbandonedRuns(daemon: Daemon, place: Place): Promise<void> {
  const filters = { label: [`${labels.installation}=${place.installation}`, `${labels.kind}=once`, `${labels.node}=${place.node}`] };
  for (const container of await daemon.call<readonly Listed[]>("GET", "/containers/json", { query: { all: true, filters } })) {
    const [pid, started] = (container.Labels[labels.owner] ?? "").split("-");
    if ((await startTime(Number(pid))) !== started) await removeContainer(daemon, container.Id);
  }
}

/** This process, told apart from a later one with the same pid. */
const ownName = async (): Promise<string> => `${process.pid}-${await startTime(process.pid)}`;

async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
