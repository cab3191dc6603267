// Written by scripts/client.ts from openapi.json. Do not edit.

export type Error = { readonly "error": string; readonly "code": string; readonly "requestId": string; readonly "details"?: Readonly<Record<string, unknown>> };
export type Health = { readonly "status": "ok" | "degraded"; readonly "services": Readonly<Record<string, "up" | "down">>; readonly "version": string; readonly "adapters": Readonly<Record<string, (string) | (readonly (string)[])>> };
export type Version = { readonly "version": string };
export type SignedIn = { readonly "token": string; readonly "user": Person; readonly "expiresAt": number };
export type Person = { readonly "id": string; readonly "email": string; readonly "name": string; readonly "role": "user" | "admin"; readonly "created_at": number };
export type Me = (Person) & ({ readonly "via": string; readonly "homeWorkspace": string; readonly "roles": Readonly<Record<string, string>> });
export type Session = { readonly "id": string; readonly "current": boolean; readonly "created_at": number; readonly "expires_at": number; readonly "ip_address": string | null; readonly "user_agent": string | null };
export type Workspace = { readonly "id": string; readonly "name": string; readonly "slug": string; readonly "role": "viewer" | "editor" | "admin" | "owner"; readonly "created_at": number };
export type Member = { readonly "userId": string; readonly "email": string; readonly "name": string; readonly "role": "viewer" | "editor" | "admin" | "owner"; readonly "created_at": number };
export type Invitation = { readonly "id": string; readonly "email": string; readonly "role": "viewer" | "editor" | "admin" | "owner"; readonly "status": "pending" | "accepted" | "revoked" | "expired"; readonly "invited_by": string; readonly "created_at": number; readonly "expires_at": number; readonly "accepted_at": number | null; readonly "revoked_at": number | null };
export type NewInvitation = (Invitation) & ({ readonly "token": string; readonly "link": string });
export type ApiKey = { readonly "id": string; readonly "label": string; readonly "prefix": string; readonly "scopes": readonly ("agents:read" | "agents:write" | "workspaces:read" | "monitoring:read" | "integrations:read" | "integrations:write" | "apps:read" | "apps:write" | "platforms:read" | "platforms:write")[]; readonly "created_by": string; readonly "created_at": number; readonly "expires_at": number | null; readonly "revoked_at": number | null; readonly "last_used_at": number | null };
export type NewApiKey = (ApiKey) & ({ readonly "apiKey": string });
export type AuditRow = { readonly "id": string; readonly "seq": number | null; readonly "at": number; readonly "workspace": string; readonly "actor": { readonly "kind": string; readonly "id": string; readonly "label": string }; readonly "action": string; readonly "subject": string; readonly "before"?: unknown; readonly "after"?: unknown; readonly "operation": string | null; readonly "requestId": string | null; readonly "hash": string | null };
export type AuditVerification = { readonly "ok": boolean; readonly "checked": number; readonly "unsealed": number; readonly "oldestUnsealedAt": number | null; readonly "firstBroken": { readonly "seq": number; readonly "id": string | null; readonly "reason": "changed" | "missing" | "reordered" | "truncated" | "unknown_key" } | null; readonly "head": { readonly "seq": number; readonly "hash": string } };
export type ValidationResult = { readonly "app": string; readonly "valid": boolean; readonly "findings": readonly (Finding)[] };
export type Finding = { readonly "severity": "error" | "warning" | "info"; readonly "field": string; readonly "message": string; readonly "line"?: number; readonly "column"?: number };
export type RegisteredApp = { readonly "app": string; readonly "valid": boolean; readonly "findings": readonly (Finding)[]; readonly "engine": string; readonly "spec": Readonly<Record<string, unknown>> };
export type RegisterApp = { readonly "infraspec"?: string; readonly "repo"?: { readonly "url": string; readonly "branch"?: string } };
export type AppStatus = { readonly "spec": { readonly "name": string }; readonly "nomadStatus": "running" | "pending" | "dead" | ""; readonly "healthy": boolean; readonly "allocations": readonly (Allocation)[]; readonly "allocationSummary": { readonly "running": number; readonly "active": number; readonly "retained": number; readonly "total": number; readonly "byProcess": Readonly<Record<string, { readonly "running": number; readonly "active": number; readonly "retained": number; readonly "total": number }>>; readonly "byStatus": Readonly<Record<string, number>> }; readonly "engine": string; readonly "isDeployed": boolean; readonly "isValid": boolean; readonly "isAbsent": boolean; readonly "release"?: { readonly "id": string; readonly "number": number; readonly "commit": string; readonly "switchedAt": string }; readonly "desired": Readonly<Record<string, number>>; readonly "hostnames": readonly (string)[] };
export type Allocation = { readonly "id": string; readonly "instanceId": string; readonly "taskGroup": string; readonly "process": string; readonly "index": number; readonly "status": "pending" | "running" | "complete" | "failed" | "lost"; readonly "lifecycle": "active" | "retained"; readonly "state": "starting" | "running" | "stopping" | "exited" | "lost"; readonly "healthy"?: boolean; readonly "nodeId": string; readonly "nodeAddress": string; readonly "nodeName": string; readonly "nodeProvider": string; readonly "nodeRegion": string; readonly "address"?: string; readonly "release": string; readonly "isCurrent": boolean; readonly "startedAt": string; readonly "restarts": number; readonly "exit"?: { readonly "code": number | null; readonly "signal": string | null; readonly "at": number; readonly "reason"?: string }; readonly "evidence"?: { readonly "healthy": boolean; readonly "at": number; readonly "durationMs": number; readonly "status"?: number; readonly "body"?: string; readonly "error"?: string }; readonly "handle": string };
export type Started = { readonly "sagaId": string; readonly "operationId": string; readonly "status": string };
export type RollbackStarted = { readonly "sagaId": string; readonly "operationId": string; readonly "status": string; readonly "imageTag": string; readonly "release": number };
export type Deployment = { readonly "id": string; readonly "app": string; readonly "commitSha": string; readonly "imageTag": string; readonly "sagaId": string; readonly "status": "queued" | "building" | "testing" | "migrating" | "submitting" | "healthy" | "deployed" | "failed"; readonly "startedAt": string; readonly "finishedAt"?: string; readonly "kind": "deploy" | "rollback"; readonly "ref": string; readonly "actor": string; readonly "release"?: number; readonly "fromRelease"?: number; readonly "isAutomatic": boolean; readonly "operationState"?: string; readonly "step"?: string; readonly "error"?: { readonly "code": string; readonly "message": string; readonly "step"?: string; readonly "details"?: unknown } };
export type DeploymentStep = { readonly "deploymentId": string; readonly "app": string; readonly "sagaId": string; readonly "step": string; readonly "status": "pending" | "running" | "complete" | "skipped" | "failed" | "undone"; readonly "attempt": number; readonly "index": number; readonly "total": number; readonly "startedAt"?: string; readonly "finishedAt"?: string; readonly "durationMs"?: number; readonly "message": string; readonly "error"?: { readonly "code": string; readonly "message": string; readonly "step"?: string; readonly "details"?: unknown } };
export type Release = { readonly "id": string; readonly "app": string; readonly "number": number; readonly "state": "new" | "good" | "bad"; readonly "commitSha": string; readonly "ref": string; readonly "subject": string; readonly "imageTag": string; readonly "engine": string; readonly "sagaId": string; readonly "createdAt": string; readonly "isCurrent": boolean; readonly "isKept": boolean };
export type Stats = { readonly "deploys": { readonly "total": number; readonly "success": number; readonly "failed": number; readonly "mostPopularApp"?: string; readonly "mostPopularN"?: number }; readonly "appCount": number; readonly "totalAllocs": number; readonly "runningAllocs": number; readonly "uptimeLeaderboard": readonly ({ readonly "allocId": string; readonly "jobId": string; readonly "taskGroup": string; readonly "uptime": string; readonly "nodeName": string; readonly "startedAt": string })[] };
export type SagaEvent = { readonly "id": string; readonly "sagaId": string; readonly "timestamp": string; readonly "source": string; readonly "app": string; readonly "category": string; readonly "action": string; readonly "message": string; readonly "metadata": Readonly<Record<string, string>>; readonly "seq": number; readonly "actor": string };
export type OperationSummary = { readonly "id": string; readonly "sagaId": string; readonly "seq": number; readonly "name": string; readonly "queue": string; readonly "category": string; readonly "workspace": string; readonly "subject": string; readonly "state": "queued" | "running" | "retrying" | "undoing" | "succeeded" | "failed" | "cancelled" | "undone" | "undo_failed"; readonly "actor": string; readonly "attempt": number; readonly "node"?: string; readonly "error"?: OperationError; readonly "cancelRequestedAt"?: number; readonly "runAfter"?: number; readonly "createdAt": number; readonly "startedAt"?: number; readonly "updatedAt": number; readonly "finishedAt"?: number };
export type OperationError = { readonly "kind": string; readonly "code": string; readonly "message": string; readonly "step"?: string; readonly "details"?: unknown };
export type Queue = { readonly "queue": string; readonly "queued": number; readonly "running": number; readonly "dead": number; readonly "oldestQueuedAt"?: number };
export type Operation = (OperationSummary) & ({ readonly "steps": readonly (OperationStep)[] });
export type OperationStep = { readonly "name": string; readonly "position": number; readonly "state": "pending" | "running" | "done" | "skipped" | "failed" | "undone"; readonly "attempt": number; readonly "startedAt"?: number; readonly "finishedAt"?: number; readonly "error"?: OperationError; readonly "skipReason"?: string };
export type Event = { readonly "seq": number; readonly "id": string; readonly "at": number; readonly "actor": string; readonly "workspace": string; readonly "subject": string; readonly "operation"?: string; readonly "category": string; readonly "action": string; readonly "message": string; readonly "metadata": Readonly<Record<string, string>> };
export type Engine = { readonly "name": string; readonly "isAvailable": boolean; readonly "reason"?: string; readonly "artifact": "directory" | "image"; readonly "isolation": readonly (string)[] };

/** Every endpoint by method and path. */
export interface Api {
  /** The API as an OpenAPI 3.1 document */
  "GET /api/openapi.json": { params: undefined; query: undefined; body: undefined; answer: undefined };
  /** Say whether the server and what it leans on work */
  "GET /api/health": { params: undefined; query: undefined; body: undefined; answer: Health };
  /** Say which version runs */
  "GET /api/version": { params: undefined; query: undefined; body: undefined; answer: Version };
  /** Whether the installation waits for its first administrator, and how one gets an account */
  "GET /api/auth/bootstrap-status": { params: undefined; query: undefined; body: undefined; answer: { readonly "needsFirstAdmin": boolean; readonly "oauthLoginEnabled": boolean; readonly "platformMode": "selfhosted"; readonly "signupEnabled": boolean; readonly "signupBotProtection": { readonly "enabled": boolean; readonly "provider": string; readonly "siteKey": string | null; readonly "configured": boolean; readonly "configurationError": string | null } } };
  /** Become the first administrator, with the one-time link printed where the server was started */
  "POST /api/auth/claim": { params: undefined; query: undefined; body: { readonly "email": string; readonly "password": string; readonly "name"?: string; readonly "token": string }; answer: SignedIn };
  /** Make an account, with an invitation */
  "POST /api/auth/signup": { params: undefined; query: undefined; body: { readonly "email": string; readonly "password": string; readonly "name"?: string; readonly "invitation"?: string }; answer: (SignedIn) & ({ readonly "id": string; readonly "email": string }) };
  /** Make an account, with an invitation */
  "POST /api/auth/sign-up/email": { params: undefined; query: undefined; body: { readonly "email": string; readonly "password": string; readonly "name"?: string; readonly "invitation"?: string }; answer: (SignedIn) & ({ readonly "id": string; readonly "email": string }) };
  /** Sign in; the answer's token is for `Authorization: Bearer`, the cookie for browsers */
  "POST /api/auth/login": { params: undefined; query: undefined; body: { readonly "email": string; readonly "password": string }; answer: SignedIn };
  /** Sign in; the answer's token is for `Authorization: Bearer`, the cookie for browsers */
  "POST /api/auth/sign-in/email": { params: undefined; query: undefined; body: { readonly "email": string; readonly "password": string }; answer: SignedIn };
  /** End this session */
  "POST /api/auth/logout": { params: undefined; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** End this session */
  "POST /api/auth/sign-out": { params: undefined; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** Who you are, and your role in each workspace */
  "GET /api/auth/me": { params: undefined; query: undefined; body: undefined; answer: Me };
  /** Change your name */
  "PATCH /api/auth/profile": { params: undefined; query: undefined; body: { readonly "name": string }; answer: Person };
  /** Change your password; every other session of yours ends */
  "PATCH /api/auth/password": { params: undefined; query: undefined; body: { readonly "currentPassword": string; readonly "newPassword": string }; answer: { readonly "success": true } };
  /** A ticket for one socket: `?ticket=…`, good once, for 30 seconds */
  "POST /api/auth/tickets": { params: undefined; query: undefined; body: undefined; answer: { readonly "ticket": string; readonly "expiresAt": number } };
  /** What an invitation's token leads to */
  "POST /api/invitations/preview": { params: undefined; query: undefined; body: { readonly "token": string }; answer: { readonly "invitation": { readonly "email": string; readonly "role": string; readonly "workspaceName": string; readonly "hasAccount": boolean } | null } };
  /** Join a workspace with an invitation to your address */
  "POST /api/invitations/accept": { params: undefined; query: undefined; body: { readonly "token": string }; answer: { readonly "success": true; readonly "workspaceId": string; readonly "role": string } };
  /** Join a workspace with an invitation to your address */
  "POST /api/workspaces/invitations/accept": { params: undefined; query: undefined; body: { readonly "token": string }; answer: { readonly "success": true; readonly "workspaceId": string; readonly "role": string } };
  /** Your sessions */
  "GET /api/auth/sessions": { params: undefined; query: undefined; body: undefined; answer: readonly (Session)[] };
  /** End all your other sessions */
  "DELETE /api/auth/sessions": { params: undefined; query: undefined; body: undefined; answer: { readonly "revoked": number } };
  /** End one of your sessions: refused everywhere within a second */
  "DELETE /api/auth/sessions/{sessionId}": { params: { readonly "sessionId": string }; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** Turn the bearer token of a session into the browser's cookie */
  "POST /api/auth/session-upgrade": { params: undefined; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** The session and its person, or null (Better Auth) */
  "GET /api/auth/get-session": { params: undefined; query: undefined; body: undefined; answer: undefined };
  /** Change your profile (Better Auth) */
  "POST /api/auth/update-user": { params: undefined; query: undefined; body: undefined; answer: undefined };
  /** The workspaces you belong to, with your role */
  "GET /api/workspaces": { params: undefined; query: undefined; body: undefined; answer: readonly (Workspace)[] };
  /** Make a workspace; you become its owner */
  "POST /api/workspaces": { params: undefined; query: undefined; body: { readonly "name": string }; answer: Workspace };
  /** One workspace */
  "GET /api/workspaces/{workspaceId}": { params: { readonly "workspaceId": string }; query: undefined; body: undefined; answer: Workspace };
  /** Rename a workspace */
  "PATCH /api/workspaces/{workspaceId}": { params: { readonly "workspaceId": string }; query: undefined; body: { readonly "name": string }; answer: Workspace };
  /** Delete an empty workspace with its members, invitations and keys */
  "DELETE /api/workspaces/{workspaceId}": { params: { readonly "workspaceId": string }; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** Members and their roles */
  "GET /api/workspaces/{workspaceId}/members": { params: { readonly "workspaceId": string }; query: undefined; body: undefined; answer: readonly (Member)[] };
  /** Change a member's role; nobody gives more than they have */
  "PATCH /api/workspaces/{workspaceId}/members/{userId}": { params: { readonly "workspaceId": string; readonly "userId": string }; query: undefined; body: { readonly "role": "viewer" | "editor" | "admin" | "owner" }; answer: Member };
  /** Remove a member; the last owner stays */
  "DELETE /api/workspaces/{workspaceId}/members/{userId}": { params: { readonly "workspaceId": string; readonly "userId": string }; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** Invitations; revoked ones on request */
  "GET /api/workspaces/{workspaceId}/invitations": { params: { readonly "workspaceId": string }; query: { readonly "includeRevoked"?: "0" | "1" | "true" | "false" }; body: undefined; answer: readonly (Invitation)[] };
  /** Invite an address; the link is in this answer and nowhere else */
  "POST /api/workspaces/{workspaceId}/invitations": { params: { readonly "workspaceId": string }; query: undefined; body: { readonly "email": string; readonly "role"?: "viewer" | "editor" | "admin" }; answer: NewInvitation };
  /** Take an invitation back */
  "DELETE /api/workspaces/{workspaceId}/invitations/{invitationId}": { params: { readonly "workspaceId": string; readonly "invitationId": string }; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** What a key can be given */
  "GET /api/workspaces/{workspaceId}/api-keys/scopes": { params: { readonly "workspaceId": string }; query: undefined; body: undefined; answer: readonly ("agents:read" | "agents:write" | "workspaces:read" | "monitoring:read" | "integrations:read" | "integrations:write" | "apps:read" | "apps:write" | "platforms:read" | "platforms:write")[] };
  /** The workspace's keys, without their values */
  "GET /api/workspaces/{workspaceId}/api-keys": { params: { readonly "workspaceId": string }; query: undefined; body: undefined; answer: readonly (ApiKey)[] };
  /** Make a key; its value is in this answer and nowhere else */
  "POST /api/workspaces/{workspaceId}/api-keys": { params: { readonly "workspaceId": string }; query: undefined; body: { readonly "label": string; readonly "scopes": readonly ("agents:read" | "agents:write" | "workspaces:read" | "monitoring:read" | "integrations:read" | "integrations:write" | "apps:read" | "apps:write" | "platforms:read" | "platforms:write")[]; readonly "expiresAt"?: (number) | (string) | (null) }; answer: NewApiKey };
  /** Revoke a key: refused everywhere within a second */
  "DELETE /api/workspaces/{workspaceId}/api-keys/{keyId}": { params: { readonly "workspaceId": string; readonly "keyId": string }; query: undefined; body: undefined; answer: { readonly "success": true } };
  /** Who did what to what, newest first; `format=csv` exports all that matches */
  "GET /api/audit": { params: undefined; query: { readonly "limit"?: number; readonly "cursor"?: string; readonly "actor"?: string; readonly "action"?: string; readonly "subject"?: string; readonly "from"?: number | null; readonly "to"?: number | null; readonly "format"?: "json" | "csv" }; body: undefined; answer: readonly (AuditRow)[] };
  /** Whether the trail's chain holds, the first row where it does not, and what is not chained yet */
  "GET /api/audit/verify": { params: undefined; query: undefined; body: undefined; answer: AuditVerification };
  /** Check the infraspec of every app */
  "GET /api/validate": { params: undefined; query: { readonly "strictSecrets"?: "true" | "false" }; body: undefined; answer: readonly (ValidationResult)[] };
  /** Check the infraspec of one app */
  "GET /api/validate/{id}": { params: { readonly "id": string }; query: { readonly "strictSecrets"?: "true" | "false" }; body: undefined; answer: ValidationResult };
  /** Register an app */
  "POST /api/apps": { params: undefined; query: undefined; body: RegisterApp; answer: RegisteredApp };
  /** List the apps with what runs of them */
  "GET /api/apps": { params: undefined; query: undefined; body: undefined; answer: readonly (AppStatus)[] };
  /** Show an app with what runs of it */
  "GET /api/apps/{id}": { params: { readonly "id": string }; query: undefined; body: undefined; answer: AppStatus };
  /** Remove a registered app */
  "DELETE /api/apps/{id}": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Started };
  /** Restart an app, one instance at a time */
  "POST /api/apps/{id}/restart": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Started };
  /** Set how many instances of a process there should be */
  "POST /api/apps/{id}/scale": { params: { readonly "id": string }; query: undefined; body: { readonly "group"?: string; readonly "process"?: string; readonly "count": number }; answer: Started };
  /** Follow an app's log lines */
  "GET /api/apps/{id}/logs": { params: { readonly "id": string }; query: { readonly "process"?: string; readonly "instance"?: string; readonly "tail"?: number | null; readonly "since"?: string; readonly "follow"?: "0" | "1" | "true" | "false" | "" }; body: undefined; answer: undefined };
  /** Deploy an app */
  "POST /api/apps/{id}/deploy": { params: { readonly "id": string }; query: undefined; body: { readonly "ref"?: (string) | ("") }; answer: Started };
  /** Go back to an earlier release */
  "POST /api/apps/{id}/rollback": { params: { readonly "id": string }; query: undefined; body: { readonly "release"?: (string) | (number) }; answer: RollbackStarted };
  /** Try a deployment: resolve, validate, build and test, and nothing more */
  "POST /api/apps/{id}/preflight": { params: { readonly "id": string }; query: undefined; body: { readonly "ref"?: (string) | ("") }; answer: Started };
  /** Send the source of an app */
  "POST /api/apps/{id}/source": { params: { readonly "id": string }; query: { readonly "commit": string }; body: unknown; answer: { readonly "app": string; readonly "commit": string; readonly "isNew": boolean } };
  /** List deployments and rollbacks, newest first */
  "GET /api/deployments": { params: undefined; query: { readonly "app"?: string; readonly "limit"?: number; readonly "cursor"?: string; readonly "status"?: "queued" | "building" | "testing" | "migrating" | "submitting" | "healthy" | "deployed" | "failed" }; body: undefined; answer: readonly (Deployment)[] };
  /** Show a deployment */
  "GET /api/deployments/{id}": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Deployment };
  /** List the steps of a deployment */
  "GET /api/deployments/{id}/steps": { params: { readonly "id": string }; query: undefined; body: undefined; answer: { readonly "steps": readonly (DeploymentStep)[]; readonly "count": number } };
  /** Follow what build, test and migrations print */
  "GET /api/deployments/{id}/output": { params: { readonly "id": string }; query: { readonly "step"?: string; readonly "follow"?: "0" | "1" | "true" | "false" | "" }; body: undefined; answer: undefined };
  /** List an app's releases, newest first */
  "GET /api/apps/{id}/releases": { params: { readonly "id": string }; query: undefined; body: undefined; answer: readonly (Release)[] };
  /** Today's deployments and what runs */
  "GET /api/stats": { params: undefined; query: undefined; body: undefined; answer: Stats };
  /** List what happened to apps, newest first */
  "GET /api/saga": { params: undefined; query: { readonly "app"?: string; readonly "limit"?: number; readonly "cursor"?: string }; body: undefined; answer: readonly (SagaEvent)[] };
  /** List what happened in one operation, oldest first */
  "GET /api/saga/{sagaId}": { params: { readonly "sagaId": string }; query: undefined; body: undefined; answer: readonly (SagaEvent)[] };
  /** List operations, newest first */
  "GET /api/operations": { params: undefined; query: { readonly "limit"?: number; readonly "cursor"?: string; readonly "state"?: "queued" | "running" | "retrying" | "undoing" | "succeeded" | "failed" | "cancelled" | "undone" | "undo_failed"; readonly "queue"?: string; readonly "name"?: string; readonly "subject"?: string; readonly "app"?: string }; body: undefined; answer: readonly (OperationSummary)[] };
  /** Show the depth and age of every queue */
  "GET /api/operations/queues": { params: undefined; query: undefined; body: undefined; answer: readonly (Queue)[] };
  /** List the dead letters of one queue, or of all */
  "GET /api/operations/dead": { params: undefined; query: { readonly "limit"?: number; readonly "cursor"?: string; readonly "queue"?: string }; body: undefined; answer: readonly (OperationSummary)[] };
  /** Show an operation with its steps */
  "GET /api/operations/{id}": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Operation };
  /** Ask an operation to end */
  "POST /api/operations/{id}/cancel": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Started };
  /** Run a dead letter again, from its failed step */
  "POST /api/operations/{id}/retry": { params: { readonly "id": string }; query: undefined; body: undefined; answer: Started };
  /** List what happened, or follow it live */
  "GET /api/events": { params: undefined; query: { readonly "limit"?: number; readonly "cursor"?: string; readonly "after"?: number | null; readonly "before"?: number | null; readonly "subject"?: string; readonly "app"?: string; readonly "operation"?: string; readonly "category"?: string }; body: undefined; answer: readonly (Event)[] };
  /** List the engines of this machine and the isolation in force */
  "GET /api/engines": { params: undefined; query: undefined; body: undefined; answer: readonly (Engine)[] };
  /** Read metrics in Prometheus' text form */
  "GET /metrics": { params: undefined; query: undefined; body: undefined; answer: undefined };
}
