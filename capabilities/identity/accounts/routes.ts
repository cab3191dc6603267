import { addRoute, z, type Router } from "@norns/kernel/http";
import { emailSchema, passwordSchema, personAnswer, personName, tokenSchema, type Accounts, type SignedIn } from "./contract.ts";
import { endedCookie, sessionCookie } from "./cookies.ts";
import { aliases, betterAuthRoutes, callerOf, personRoutes, sessionRoutes, success, tag, type AnyRequest } from "./person-routes.ts";
import { pageRoutes } from "./pages/routes.ts";
import { openBecause } from "./policy.ts";

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
  const end = (request: AnyRequest): void => request.context.header("Set-Cookie", endedCookie(isSecure(request)), { append: true });

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
        signupBotProtection: z.object({
          enabled: z.boolean(),
          provider: z.string(),
          siteKey: z.string().nullable(),
          configured: z.boolean(),
          configurationError: z.string().nullable(),
        }),
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
  for (const [path, alias] of aliases("/api/auth/signup", "/api/auth/sign-up/email"))
    addRoute(
      router,
      {
        method: "post",
        path,
        ...alias,
        summary: "Make an account, with an invitation",
        tag,
        access: { open: openBecause.signUp },
        body: newPerson.extend({ invitation: tokenSchema.optional() }),
        status: 201,
        answer: signedIn.extend({ id: z.string(), email: z.string() }),
      },
      signUp,
    );

  for (const [path, alias] of aliases("/api/auth/login", "/api/auth/sign-in/email"))
    addRoute(
      router,
      {
        method: "post",
        path,
        ...alias,
        summary: "Sign in; the answer's token is for `Authorization: Bearer`, the cookie for browsers",
        tag,
        access: { open: openBecause.signIn },
        body: credentials,
        answer: signedIn,
      },
      async (request) => {
        const session = await accounts.signIn(request.body, callerOf(request));
        keep(request, session);
        return session;
      },
    );

  for (const [path, alias] of aliases("/api/auth/logout", "/api/auth/sign-out"))
    addRoute(
      router,
      { method: "post", path, ...alias, summary: "End this session", tag, access: { open: openBecause.signOut }, answer: success },
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
