import type { RoomMigrations } from "@norns/kernel/database";
import { releasesAndDeployments } from "./0001-releases-and-deployments.ts";

export const deploymentsMigrations: RoomMigrations = { schema: "apps", room: "apps/deployments", migrations: [releasesAndDeployments] };
