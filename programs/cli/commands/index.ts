/** Every command, in the order of help. */
import type { Command } from "../command.ts";
import { apiKeys, audit, createKey, invite, login, logout, members, revokeKey, workspaces } from "./access.ts";
import { app } from "./app.ts";
import { restart, scale } from "./change.ts";
import { completion } from "./completion.ts";
import { deploy, rollback } from "./deploy.ts";
import { init } from "./init.ts";
import { health, stats, version } from "./installation.ts";
import { down, server } from "./local.ts";
import { logs } from "./logs.ts";
import { cancelOperation, listOperations, retryOperation, showOperation } from "./operations.ts";
import { saga } from "./saga.ts";
import { status } from "./status.ts";
import { stream } from "./stream.ts";
import { validate } from "./validate.ts";

export const commands: readonly Command[] = [
  init,
  validate,
  deploy,
  status,
  app,
  logs,
  restart,
  scale,
  rollback,
  saga,
  stream,
  listOperations,
  showOperation,
  cancelOperation,
  retryOperation,
  audit,
  stats,
  login,
  logout,
  workspaces,
  members,
  invite,
  apiKeys,
  createKey,
  revokeKey,
  server,
  health,
  version,
  completion(() => commands),
  down,
];
