/** For tests of the whole server: the cast, the trial of every route, and the truth table. */
export { aCast, type Cast, type Doors } from "./cast.ts";
export { tryEveryRoute, type SocketTrial, type Target, type Trial, type Verdict } from "./every-route.ts";
export { identityRecipes } from "./identity-recipes.ts";
export { snapshotOf } from "./snapshot.ts";
export { renderTruthTable } from "./render.ts";
