/** Every command, in the order of the overview. */
import type { Command } from "../command.ts";
import { apiKeys, createKey, revokeKey } from "./api-keys.ts";
import { audit } from "./audit.ts";
import { app } from "./app.ts";
import { restart, scale } from "./change.ts";
import { completion } from "./completion.ts";
import { deploy, rollback } from "./deploy.ts";
import { init } from "./init.ts";
import { health, stats, version } from "./installation.ts";
import { down, server } from "./local.ts";
import { login, logout } from "./login.ts";
import { logs } from "./logs.ts";
import { cancelOperation, listOperations, queues, retryOperation, showOperation } from "./operations.ts";
import { output } from "./output.ts";
import { remove } from "./remove.ts";
import { saga } from "./saga.ts";
import { status } from "./status.ts";
import { stream } from "./stream.ts";
import { validate } from "./validate.ts";
import { invite, members, removeMember, setRole, workspaces } from "./workspaces.ts";

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
  remove,
  saga,
  stream,
  listOperations,
  showOperation,
  cancelOperation,
  retryOperation,
  queues,
  output,
  audit,
  stats,
  login,
  logout,
  workspaces,
  members,
  setRole,
  removeMember,
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
