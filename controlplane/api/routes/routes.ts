// Decides which routes the REST API has.
import type { Route } from '../route.ts';
import { applyRoutes } from './apply.ts';
import { documentRoutes } from './documents.ts';
import { exportRoutes } from './export.ts';
import { historyRoutes } from './history.ts';
import { importRoutes } from './import.ts';
import { keyRoutes } from './keys.ts';
import { logRoutes } from './log.ts';
import { openApiRoute } from './openapi.ts';
import { serverRegistryRoutes } from './server-registry.ts';
import { statusRoutes } from './status.ts';
import { transitionRoutes } from './transitions.ts';

/** The single place: the application, its 405s, the OpenAPI document and docs/api.md read it. */
export const ROUTES: readonly Route[] = [
  ...documentRoutes,
  ...historyRoutes,
  ...transitionRoutes,
  ...applyRoutes,
  ...exportRoutes,
  ...importRoutes,
  ...keyRoutes,
  ...logRoutes,
  ...statusRoutes,
  ...serverRegistryRoutes,
  openApiRoute(() => ROUTES),
];
