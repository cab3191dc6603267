/** What costs a guess: few tries an address, and few tries an account whatever the address. */
import type { RateRule } from "@norns/kernel/http";

export const limits = {
  signIn: { name: "sign-in", perMinute: 2, burst: 20 },
  signInAccount: { name: "sign-in-account", perMinute: 1, burst: 10 },
  signUp: { name: "sign-up", perMinute: 0.5, burst: 5 },
  claim: { name: "claim", perMinute: 2, burst: 10 },
  invitation: { name: "invitation", perMinute: 10, burst: 20 },
  password: { name: "password", perMinute: 1, burst: 5 },
} as const satisfies Record<string, RateRule>;

/** An IPv6 caller has a whole /64 to send from: it counts as one. */
export function limitKeyOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = ""] = address.split("::");
  const groups = head.split(":").filter(Boolean);
  return `${[...groups, "0", "0", "0", "0"].slice(0, 4).join(":")}::/64`;
}
