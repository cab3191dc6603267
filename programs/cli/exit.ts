/** How a command ends. The codes are part of the interface: scripts branch on them. */
export const exitCodes = {
  done: 0,
  /** The outcome asked for did not come about: a failed deployment, an invalid spec, a degraded installation. */
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  unreachable: 5,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An end with a message for the person: one line what, one why, one what to do. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;

  constructor(exitCode: ExitCode, code: string, message: string, options: { hint?: string; requestId?: string | undefined } = {}) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
    this.hint = options.hint;
    this.requestId = options.requestId;
  }
}

export const usageError = (message: string, hint?: string): CommandError =>
  new CommandError(exitCodes.usage, "usage", message, hint ? { hint } : {});
