/** Does something so many times a second. Returns when each was begun, in milliseconds of the system's monotonic clock. */
export async function atRate(perSecond: number, seconds: number, work: () => void | Promise<void>): Promise<number[]> {
  const started = performance.now();
  const sentAt: number[] = [];
  const running: Promise<void>[] = [];
  for (let index = 0; index < perSecond * seconds; index++) {
    const wait = started + (index * 1000) / perSecond - performance.now();
    if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
    sentAt.push(Number(process.hrtime.bigint()) / 1e6);
    const under = work();
    if (under) running.push(under);
  }
  await Promise.all(running);
  return sentAt;
}
