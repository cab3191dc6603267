/**
 * The times that follow from one setting, the lease: within it a lost worker's operation is taken over. A claim ends
 * early enough for the sweeper to pass by after it and for another worker to begin; that takes a fifth of the lease, or
 * 400 ms of a short one (measured on a busy machine: 250 ms on D1). It holds only if the sweeper has looked at the
 * operation before its claim ends, so the first look is at half a lease.
 */
export const defaultLeaseMs = 30_000;

/** How long a claim holds without being renewed. */
export const claimMsOf = (leaseMs: number): number => Math.ceil(Math.max(leaseMs / 2, Math.min(leaseMs * 0.8, leaseMs - 400)));

/** How often the sweeper passes by. */
export const roundMsOf = (leaseMs: number): number => Math.max(20, leaseMs / 10);

/** How long after an operation could have been claimed the sweeper looks at it, and sends its wake-up again. */
export const resendAfterMsOf = (leaseMs: number): number => Math.min(15_000, Math.ceil(leaseMs / 2));
