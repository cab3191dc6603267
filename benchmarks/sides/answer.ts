/** How a side answers the process that measures: one message a question, one a reply. */
export type Handlers = Readonly<Record<string, (input: never) => Promise<unknown>>>;
export interface Ask {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}
export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** Answers until the other end lets go; `end` then closes what is open, and the process ends. */
export function answerParent(handlers: Handlers, end: () => Promise<void> = async () => {}): void {
  process.on("message", (message) => {
    // The cast: only processes.ts sends on this channel, with the types of these very handlers.
    const { id, name, input } = message as Ask;
    handlers[name]!(input as never).then(
      (value) => process.send!({ id, value } satisfies Answer),
      (error: unknown) =>
        process.send!({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Answer),
    );
  });
  process.once("disconnect", () => void end().finally(() => process.exit(0)));
}
