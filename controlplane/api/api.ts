// Decides how a request finds its route, what stands before every route, and what an error becomes.
import { Hono } from 'hono';
import { RegistryError } from '../registry/error.ts';
import { ApiError, problemResponse } from './error.ts';
import { createGuard, type GuardSettings } from './guard.ts';
import type { ApiServices } from './route.ts';
import { ROUTES } from './routes/routes.ts';

export interface ApiOptions extends ApiServices {
  readonly settings: GuardSettings;
  readonly operatorToken: string;
}

/** The REST API; `app.fetch` answers a request without a socket. */
export function createApi({ settings, operatorToken, ...services }: ApiOptions): Hono {
  const app = new Hono();
  const guard = createGuard(settings, operatorToken);
  const open = new Set(ROUTES.filter((route) => route.open).map(({ path }) => path));

  app.use(async (context, next) => {
    if (!open.has(context.req.path)) guard(context.req.raw.headers);
    await next();
    // Documents may hold secrets of a server's environment.
    context.res.headers.set('cache-control', 'no-store');
    context.res.headers.set('x-content-type-options', 'nosniff');
  });
  for (const route of ROUTES) app.on(route.method, route.path, (context) => route.handle(context, services));
  for (const path of new Set(ROUTES.map((route) => route.path))) app.all(path, () => refuseMethod(path));
  app.notFound(() => problemResponse(new ApiError('not_found')));
  app.onError((error, context) => {
    if (error instanceof ApiError) return problemResponse(error);
    const { method, path } = context.req;
    services.log.error({ err: error, method, path }, 'a request to the REST API failed');
    // A registry's sentence is for operators, and they alone get here.
    if (error instanceof RegistryError)
      return problemResponse(new ApiError('registry_unavailable', { detail: error.message }));
    return problemResponse(new ApiError('internal'));
  });
  return app;
}

/** RFC 9110 §15.5.6: the answer lists what is allowed. */
function refuseMethod(path: string): Response {
  const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return problemResponse(new ApiError('method_not_allowed', { detail: `wanted one of ${allow}`, headers: { allow } }));
}
