/**
 * Descriptors that came into this process from whoever started it and would go on into every child [N10]. Node marks what
 * it opens itself close-on-exec; what it inherited it marks only as far as it finds descriptors without a hole.
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";

const closeOnExec = 0o2000000;

/** The descriptors beyond stderr that a child would get unasked. */
export function inheritedDescriptors(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && passesOn(fd));
}

/** Closes them: for a process that is wholly ours. */
export function closeInheritedDescriptors(): void {
  for (const fd of inheritedDescriptors()) closeSync(fd);
}

function passesOn(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    return false; // The descriptor with which the directory was read: closed by now.
  }
}
