/** What somebody who is known does about themselves: profile, password, sessions, invitations to them. */
import { addRoute, z, type RouteRequest, type Router } from "@norns/kernel/http";
import {
  passwordSchema,
  personAnswer,
  personName,
  sessionAnswer,
  sessionParams,
  tokenSchema,
  type Accounts,
  type Caller,
  type SignedIn,
} from "./contract.ts";
import { toPersonAnswer } from "./people.ts";
import { openBecause } from "./policy.ts";

export const tag = "Accounts";
export const success = z.object({ success: z.literal(true) });

export function personRoutes(router: Router, accounts: Accounts): void {
  const me = personAnswer.extend({ via: z.string(), homeWorkspace: z.string(), roles: z.record(z.string(), z.string()) }).openapi("Me");
  addRoute(
    router,
    {
      method: "get",
      path: "/api/auth/me",
      summary: "Who you are, and your role in each workspace",
      tag,
      access: { person: true },
      answer: me,
    },
    async ({ actor }) => ({
      ...toPersonAnswer(await accounts.getPerson(actor)),
      via: actor.via,
      homeWorkspace: actor.homeWorkspace,
      roles: { ...actor.roles },
    }),
  );
  addRoute(
    router,
    {
      method: "patch",
      path: "/api/auth/profile",
      summary: "Change your name",
      tag,
      access: { person: true },
      body: z.object({ name: personName }),
      answer: personAnswer,
    },
    async ({ actor, body, scope }) => toPersonAnswer(await accounts.changeName(actor, body.name, scope.requestId)),
  );
  addRoute(
    router,
    {
      method: "patch",
      path: "/api/auth/password",
      summary: "Change your password; every other session of yours ends",
      tag,
      access: { person: true },
      body: z.object({ currentPassword: z.string().min(1).max(1_000), newPassword: passwordSchema }),
      answer: success,
    },
    async (request) => {
      await accounts.changePassword(request.actor, request.body, callerOf(request));
      return { success: true } as const;
    },
  );
  addRoute(
    router,
    {
      method: "post",
      path: "/api/auth/tickets",
      summary: "A ticket for one socket: `?ticket=…`, good once, for 30 seconds",
      tag,
      access: { person: true },
      status: 201,
      answer: z.object({ ticket: z.string(), expiresAt: z.number().int() }),
    },
    ({ actor }) => accounts.issueTicket(actor),
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/invitations/preview",
      summary: "What an invitation's token leads to",
      tag: "Workspaces",
      access: { open: openBecause.preview },
      body: z.object({ token: tokenSchema }),
      answer: z.object({
        invitation: z.object({ email: z.string(), role: z.string(), workspaceName: z.string(), hasAccount: z.boolean() }).nullable(),
      }),
    },
    async (request) => ({ invitation: await accounts.previewInvitation(request.body.token, callerOf(request)) }),
  );
  for (const [path, alias] of aliases("/api/invitations/accept", "/api/workspaces/invitations/accept"))
    addRoute(
      router,
      {
        method: "post",
        path,
        ...alias,
        summary: "Join a workspace with an invitation to your address",
        tag: "Workspaces",
        access: { person: true },
        body: z.object({ token: tokenSchema }),
        answer: z.object({ success: z.literal(true), workspaceId: z.string(), role: z.string() }),
      },
      async (request) => ({
        success: true as const,
        ...(await accounts.acceptInvitation(request.actor, request.body.token, callerOf(request))),
      }),
    );
}

export function sessionRoutes(
  router: Router,
  accounts: Accounts,
  { keep }: { keep: (request: AnyRequest, session: SignedIn) => void },
): void {
  addRoute(
    router,
    { method: "get", path: "/api/auth/sessions", summary: "Your sessions", tag, access: { person: true }, answer: z.array(sessionAnswer) },
    ({ actor }) => accounts.listSessions(actor),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/auth/sessions",
      summary: "End all your other sessions",
      tag,
      access: { person: true },
      answer: z.object({ revoked: z.number().int() }),
    },
    async ({ actor, scope }) => ({ revoked: await accounts.revokeOtherSessions(actor, scope.requestId) }),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/auth/sessions/{sessionId}",
      summary: "End one of your sessions: refused everywhere within a second",
      tag,
      access: { person: true },
      params: sessionParams,
      answer: success,
    },
    async ({ actor, params, scope }) => {
      await accounts.revokeSession(actor, params.sessionId, scope.requestId);
      return { success: true } as const;
    },
  );
  addRoute(
    router,
    {
      method: "post",
      path: "/api/auth/session-upgrade",
      summary: "Turn the bearer token of a session into the browser's cookie",
      tag,
      access: { person: true },
      answer: success,
    },
    async (request) => {
      const token = /^Bearer +(\S+)$/i.exec(request.context.req.header("authorization") ?? "")?.[1];
      const session = (await accounts.listSessions(request.actor)).find((row) => row.current);
      if (token && session)
        keep(request, { token, user: toPersonAnswer(await accounts.getPerson(request.actor)), expiresAt: session.expires_at });
      return { success: true } as const;
    },
  );
}

/** Better Auth's own paths that are open so far. Each is named: one that is not listed does not exist. */
export function betterAuthRoutes(router: Router, accounts: Accounts): void {
  const pass = (request: AnyRequest): Promise<Response> =>
    accounts.handleAuth({
      request: request.context.req.raw,
      remoteAddress: request.scope.remoteAddress,
      actor: request.actor,
      requestId: request.scope.requestId,
    });
  addRoute(
    router,
    {
      method: "get",
      path: "/api/auth/get-session",
      summary: "The session and its person, or null (Better Auth)",
      tag,
      access: { open: openBecause.getSession },
    },
    pass,
  );
  addRoute(
    router,
    { method: "post", path: "/api/auth/update-user", summary: "Change your profile (Better Auth)", tag, access: { person: true } },
    pass,
  );
}

/** One route at two addresses: ours, and the one that clients of the agents system or of Better Auth know. */
export const aliases = (path: string, other: string): readonly (readonly [string, { aliasOf?: string }])[] => [
  [path, {}],
  [other, { aliasOf: path }],
];

export type AnyRequest = Pick<RouteRequest<unknown, unknown, unknown>, "actor" | "scope" | "context">;

export const callerOf = ({ scope, context }: AnyRequest): Caller => ({
  remoteAddress: scope.remoteAddress,
  userAgent: context.req.header("user-agent") ?? null,
  requestId: scope.requestId,
});
