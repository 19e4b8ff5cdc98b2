// Decides which routes the REST API has.
import type { Route } from '../route.ts';
import { applyRoutes } from './apply.ts';
import { approvalRoutes } from './approvals.ts';
import { decisionRoutes } from './decisions.ts';
import { documentRoutes } from './documents.ts';
import { explainRoutes } from './explain.ts';
import { exportRoutes } from './export.ts';
import { historyRoutes } from './history.ts';
import { importRoutes } from './import.ts';
import { importTraefikRoutes } from './import-traefik.ts';
import { keyRoutes } from './keys.ts';
import { logRoutes } from './log.ts';
import { openApiRoute } from './openapi.ts';
import { replayRoutes } from './replay.ts';
import { serverRegistryRoutes } from './server-registry.ts';
import { statusRoutes } from './status.ts';
import { toolChangeRoutes } from './tool-changes.ts';
import { toolPinRoutes } from './tool-pins.ts';
import { transitionRoutes } from './transitions.ts';

/** The single place: the application, its 405s, the OpenAPI document and docs/api.md read it. */
export const ROUTES: readonly Route[] = [
  ...documentRoutes,
  ...historyRoutes,
  ...transitionRoutes,
  ...applyRoutes,
  ...exportRoutes,
  ...importRoutes,
  ...importTraefikRoutes,
  ...keyRoutes,
  ...approvalRoutes,
  ...toolChangeRoutes,
  ...toolPinRoutes,
  ...decisionRoutes,
  ...explainRoutes,
  ...replayRoutes,
  ...logRoutes,
  ...statusRoutes,
  ...serverRegistryRoutes,
  openApiRoute(() => ROUTES),
];
