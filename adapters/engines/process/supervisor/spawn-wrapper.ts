/** Starts the small shell that is an instance's parent, in a session of its own, with the pipes as its descriptors. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import type { NodeId } from "@norns/kernel/ids";
import { openBubblewrapArguments } from "./bubblewrap-arguments.ts";
import { instanceMark, supervisorMark } from "./marks.ts";
import type { Pipes } from "./pipes.ts";
import type { InstanceRecord } from "./record.ts";
import { wrapperScript } from "./wrapper.ts";

/** Rejects when it could not be started; the wrapper tells the exit itself, to us or to our successor. */
export async function spawnWrapper(
  record: InstanceRecord,
  pipes: Pipes,
  around: { readonly node: NodeId; readonly pipes: string },
): Promise<ChildProcess> {
  const { launch } = record.group;
  const marks = { [instanceMark]: record.id, [supervisorMark]: around.node };
  const env = { ...launch.env, ...(record.port === undefined ? {} : { PORT: String(record.port) }), ...marks };
  const inside = launch.envBy === "bubblewrap" ? openBubblewrapArguments(around.pipes, record.id, env) : null;
  try {
    const child = spawn("/bin/sh", ["-c", wrapperScript, "norns-instance", ...launch.argv], {
      cwd: launch.cwd,
      env: inside === null ? env : { PATH: "/usr/local/bin:/usr/bin:/bin", ...labelsOf(env) },
      detached: true,
      stdio: ["ignore", ...pipes.childEnds, ...(inside === null ? [] : [inside])],
      ...(launch.uid === undefined ? {} : { uid: launch.uid, gid: launch.uid }),
    });
    // The wrapper tells the exit itself: the child's own event adds nothing.
    child.unref();
    if (child.pid === undefined) await new Promise((_, reject) => child.once("error", reject));
    child.on("error", () => {});
    return child;
  } finally {
    if (inside !== null) closeSync(inside);
  }
}

/** What an orphan is known by: the wrapper carries it too, whose environment can be read from outside the sandbox. */
function labelsOf(env: Readonly<Record<string, string>>): Record<string, string> {
  const names = ["NORNS_APP", "NORNS_PROCESS", "NORNS_RELEASE", "PORT", instanceMark, supervisorMark];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
