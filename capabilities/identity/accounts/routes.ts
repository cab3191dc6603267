import { addRoute, z, type RouteRequest, type Router } from "@norns/kernel/http";
import {
  emailSchema,
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
import { endedCookie, sessionCookie } from "./cookies.ts";
import { toPersonAnswer } from "./people.ts";
import { pageRoutes } from "./pages/routes.ts";
import { openBecause } from "./policy.ts";

const tag = "Accounts";
const success = z.object({ success: z.literal(true) });
const signedIn = z.object({ token: z.string(), user: personAnswer, expiresAt: z.number().int() }).openapi("SignedIn");
const newPerson = z.object({ email: emailSchema, password: passwordSchema, name: personName.optional() });
/** Sign-in accepts any password: what is too short today may have been set under older rules. */
const credentials = z.object({ email: emailSchema, password: z.string().min(1).max(1_000) });

export function accountRoutes(router: Router, accounts: Accounts): void {
  const isSecure = ({ context }: AnyRequest): boolean => accounts.isSecure(context.req.raw);
  const keep = (request: AnyRequest, session: SignedIn): void => {
    const maxAgeSeconds = Math.max(0, Math.floor((session.expiresAt - Date.now()) / 1_000));
    request.context.header("Set-Cookie", sessionCookie(session.token, { isSecure: isSecure(request), maxAgeSeconds }), { append: true });
  };
  const end = (request: AnyRequest): void =>
    request.context.header("Set-Cookie", endedCookie(isSecure(request)), { append: true });

  addRoute(
    router,
    {
      method: "get",
      path: "/api/auth/bootstrap-status",
      summary: "Whether the installation waits for its first administrator, and how one gets an account",
      tag,
      access: { open: openBecause.bootstrapStatus },
      identifies: false,
      answer: z.object({
        needsFirstAdmin: z.boolean(),
        oauthLoginEnabled: z.boolean(),
        platformMode: z.literal("selfhosted"),
        signupEnabled: z.boolean(),
        signupBotProtection: z.object({ enabled: z.boolean(), provider: z.string(), siteKey: z.string().nullable(), configured: z.boolean(), configurationError: z.string().nullable() }),
      }),
    },
    async () => {
      const isClaimed = await accounts.isClaimed();
      return {
        needsFirstAdmin: !isClaimed,
        oauthLoginEnabled: false,
        platformMode: "selfhosted" as const,
        signupEnabled: isClaimed && accounts.isSignUpOpen,
        signupBotProtection: { enabled: false, provider: "none", siteKey: null, configured: false, configurationError: null },
      };
    },
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/auth/claim",
      summary: "Become the first administrator, with the one-time link printed where the server was started",
      tag,
      access: { open: openBecause.claim },
      body: newPerson.extend({ token: tokenSchema }),
      status: 201,
      answer: signedIn,
    },
    async (request) => {
      const { token, ...person } = request.body;
      const session = await accounts.claim(token, person, callerOf(request));
      keep(request, session);
      return session;
    },
  );

  const signUp = async (request: AnyRequest & { body: z.output<typeof newPerson> & { invitation?: string | undefined } }) => {
    const session = await accounts.signUp(request.body, callerOf(request));
    keep(request, session);
    return { id: session.user.id, email: session.user.email, ...session };
  };
  for (const path of ["/api/auth/signup", "/api/auth/sign-up/email"])
    addRoute(
      router,
      {
        method: "post",
        path,
        summary: "Make an account, with an invitation",
        tag,
        access: { open: openBecause.signUp },
        body: newPerson.extend({ invitation: tokenSchema.optional() }),
        status: 201,
        answer: signedIn.extend({ id: z.string(), email: z.string() }),
      },
      signUp,
    );

  for (const path of ["/api/auth/login", "/api/auth/sign-in/email"])
    addRoute(
      router,
      { method: "post", path, summary: "Sign in; the answer's token is for `Authorization: Bearer`, the cookie for browsers", tag, access: { open: openBecause.signIn }, body: credentials, answer: signedIn },
      async (request) => {
        const session = await accounts.signIn(request.body, callerOf(request));
        keep(request, session);
        return session;
      },
    );

  for (const path of ["/api/auth/logout", "/api/auth/sign-out"])
    addRoute(
      router,
      { method: "post", path, summary: "End this session", tag, access: { open: openBecause.signOut }, answer: success },
      async (request) => {
        await accounts.signOut(request.actor, request.scope.requestId);
        end(request);
        return { success: true } as const;
      },
    );

  personRoutes(router, accounts);
  sessionRoutes(router, accounts, { keep });
  betterAuthRoutes(router, accounts);
  pageRoutes(router);
}

function personRoutes(router: Router, accounts: Accounts): void {
  const me = personAnswer.extend({ via: z.string(), homeWorkspace: z.string(), roles: z.record(z.string(), z.string()) }).openapi("Me");
  addRoute(
    router,
    { method: "get", path: "/api/auth/me", summary: "Who you are, and your role in each workspace", tag, access: { person: true }, answer: me },
    async ({ actor }) => ({
      ...toPersonAnswer(await accounts.getPerson(actor)),
      via: actor.via,
      homeWorkspace: actor.homeWorkspace,
      roles: { ...actor.roles },
    }),
  );
  addRoute(
    router,
    { method: "patch", path: "/api/auth/profile", summary: "Change your name", tag, access: { person: true }, body: z.object({ name: personName }), answer: personAnswer },
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
      answer: z.object({ invitation: z.object({ email: z.string(), role: z.string(), workspaceName: z.string(), hasAccount: z.boolean() }).nullable() }),
    },
    async (request) => ({ invitation: await accounts.previewInvitation(request.body.token, callerOf(request)) }),
  );
  for (const path of ["/api/invitations/accept", "/api/workspaces/invitations/accept"])
    addRoute(
      router,
      {
        method: "post",
        path,
        summary: "Join a workspace with an invitation to your address",
        tag: "Workspaces",
        access: { person: true },
        body: z.object({ token: tokenSchema }),
        answer: z.object({ success: z.literal(true), workspaceId: z.string(), role: z.string() }),
      },
      async (request) => ({ success: true as const, ...(await accounts.acceptInvitation(request.actor, request.body.token, callerOf(request))) }),
    );
}

function sessionRoutes(router: Router, accounts: Accounts, { keep }: { keep: (request: AnyRequest, session: SignedIn) => void }): void {
  addRoute(
    router,
    { method: "get", path: "/api/auth/sessions", summary: "Your sessions", tag, access: { person: true }, answer: z.array(sessionAnswer) },
    ({ actor }) => accounts.listSessions(actor),
  );
  addRoute(
    router,
    { method: "delete", path: "/api/auth/sessions", summary: "End all your other sessions", tag, access: { person: true }, answer: z.object({ revoked: z.number().int() }) },
    async ({ actor, scope }) => ({ revoked: await accounts.revokeOtherSessions(actor, scope.requestId) }),
  );
  addRoute(
    router,
    { method: "delete", path: "/api/auth/sessions/{sessionId}", summary: "End one of your sessions: refused everywhere within a second", tag, access: { person: true }, params: sessionParams, answer: success },
    async ({ actor, params, scope }) => {
      await accounts.revokeSession(actor, params.sessionId, scope.requestId);
      return { success: true } as const;
    },
  );
  addRoute(
    router,
    { method: "post", path: "/api/auth/session-upgrade", summary: "Turn the bearer token of a session into the browser's cookie", tag, access: { person: true }, answer: success },
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
function betterAuthRoutes(router: Router, accounts: Accounts): void {
  const pass = (request: AnyRequest): Promise<Response> =>
    accounts.handleAuth({
      request: request.context.req.raw,
      remoteAddress: request.scope.remoteAddress,
      actor: request.actor,
      requestId: request.scope.requestId,
    });
  addRoute(
    router,
    { method: "get", path: "/api/auth/get-session", summary: "The session and its person, or null (Better Auth)", tag, access: { open: openBecause.getSession } },
    pass,
  );
  addRoute(
    router,
    { method: "post", path: "/api/auth/update-user", summary: "Change your profile (Better Auth)", tag, access: { person: true } },
    pass,
  );
}

type AnyRequest = Pick<RouteRequest<unknown, unknown, unknown>, "actor" | "scope" | "context">;

const callerOf = ({ scope, context }: AnyRequest): Caller => ({
  remoteAddress: scope.remoteAddress,
  userAgent: context.req.header("user-agent") ?? null,
  requestId: scope.requestId,
});
