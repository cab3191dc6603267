import type { IdSource } from "../ids/index.ts";

/** 96 random bits as text: whoever has it did it. */
export const randomToken = (ids: IdSource): string => [...ids.randomBytes(12)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
