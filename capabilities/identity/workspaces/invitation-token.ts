import { createHmac, randomBytes } from "node:crypto";

/** 256 random bits. Told once, in the link; only its HMAC is kept. */
export const newInvitationToken = (): string => randomBytes(32).toString("base64url");

export const invitationHmac = (token: string, secret: string): string =>
  createHmac("sha256", secret).update(`workspace invitation:${token}`).digest("base64url");
