/** What needs a person is said on the route (`person`); these routes are open, each for its reason. */
export const openBecause = {
  bootstrapStatus: "the sign-in and claim pages must know which of them applies",
  signUp: "it admits by invitation, checked inside, and is limited by address",
  signIn: "it is how one becomes known; limited by address and by account",
  signOut: "ending a session needs no more than the session; without one nothing happens",
  claim: "it takes the one-time link, good only before anybody is known",
  preview: "it takes the invitation's token, and its holder may have no account yet",
  getSession: "it answers null to whoever has no session",
  page: "a page without data, from which one becomes known",
} as const;
