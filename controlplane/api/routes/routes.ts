// Decides which routes the REST API has.
import type { Route } from '../route.ts';
import { applyRoute } from './apply.ts';
import { documentRoutes } from './documents.ts';
import { statusRoutes } from './status.ts';

/** The single place: the application, its 405s and the documentation read it. */
export const ROUTES: readonly Route[] = [...documentRoutes, applyRoute, ...statusRoutes];
