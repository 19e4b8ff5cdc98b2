// Decides how a request finds its route, what stands before every route, and what an error becomes.
import { type Context, Hono } from 'hono';
import { RegistryError, TooManyKeysError } from '../registry/error.ts';
import { type Actor, hasRole } from './actor.ts';
import { createAuthenticate } from './authenticate.ts';
import { ApiError, problemResponse } from './error.ts';
import { checkHost, checkOrigin } from './guard.ts';
import { createIssuer } from './issuer.ts';
import { type ApiServices, READERS, type Route } from './route.ts';
import { ROUTES } from './routes/routes.ts';
import { REGISTRY_PATHS, registryRefusal } from './server-registry/refusal.ts';

export interface ApiOptions extends ApiServices {
  /** Secret: who has it may do everything. */
  readonly operatorToken: string;
}

const NOBODY: Actor = { who: 'anonymous', roles: ['viewer'] };

/** The REST API; `app.fetch` answers a request without a socket. */
export function createApi({ operatorToken, ...services }: ApiOptions): Hono {
  const { settings, log } = services;
  const app = new Hono();
  const issuer = settings.adminIssuer === '' ? null : createIssuer(services);
  const authenticate = createAuthenticate({ ...services, operatorToken, issuer });

  /** Everything that is asked before a route, also before it is told that there is none. @throws ApiError */
  const enter = async (headers: Headers, route: Route | null): Promise<Actor> => {
    if (route?.access === 'open') return NOBODY;
    checkHost(headers, settings);
    // Where anybody may read, a page may.
    if (route !== null && isAnonymous(route, headers)) return NOBODY;
    checkOrigin(headers);
    const actor = await authenticate(headers);
    if (route !== null) checkRole(actor, route);
    return actor;
  };
  const isAnonymous = ({ access, method }: Route, headers: Headers): boolean =>
    access === 'registry' && method === 'GET' && settings.registryAnonymous && headers.get('authorization') === null;

  const failed = (error: Error, context: Context): Response => {
    const refusal = refusalOf(error);
    const { method, path } = context.req;
    if (refusal === null || error instanceof RegistryError)
      log.error({ err: error, method, path }, 'a request to the REST API failed');
    const told = refusal ?? new ApiError('internal');
    return REGISTRY_PATHS.test(path) ? registryRefusal(told) : problemResponse(told);
  };

  app.use(async (context, next) => {
    await next();
    const { headers } = context.res;
    headers.set('cache-control', 'no-store');
    headers.set('x-content-type-options', 'nosniff');
    // Of an answer that holds nothing but what everybody may read.
    const open = settings.registryAnonymous && REGISTRY_PATHS.test(context.req.path);
    if (open && context.req.header('authorization') === undefined) headers.set('access-control-allow-origin', '*');
  });
  for (const route of ROUTES) {
    app.on(route.method, route.path, async (context) => {
      const request = context.req.raw;
      const actor = await enter(request.headers, route);
      return route.handle({ request, actor, param: (name) => context.req.param(name) ?? '' }, services);
    });
  }
  for (const path of new Set(ROUTES.map((route) => route.path))) {
    app.all(path, async (context) => {
      await enter(context.req.raw.headers, null);
      throw wrongMethod(path);
    });
  }
  app.notFound(async (context) => {
    try {
      await enter(context.req.raw.headers, null);
      return failed(new ApiError('not_found'), context);
    } catch (error) {
      return failed(error as Error, context);
    }
  });
  app.onError(failed);
  return app;
}

/** null: it is nobody's fault but ours. */
function refusalOf(error: Error): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof TooManyKeysError) return new ApiError('too_many_keys', { detail: error.message });
  // A registry's sentence is for operators, and they alone get here.
  if (error instanceof RegistryError) return new ApiError('registry_unavailable', { detail: error.message });
  return null;
}

/** RFC 9110 §15.5.4: who calls is known, and may not. */
function checkRole(actor: Actor, { access }: Route): void {
  const wanted = access === 'open' || access === 'registry' ? READERS : access;
  if (wanted.some((role) => hasRole(actor, role))) return;
  const has = actor.roles.length === 0 ? 'no role' : actor.roles.join(', ');
  throw new ApiError('forbidden', { detail: `wanted the role ${wanted.join(' or ')}, found ${has}` });
}

/** RFC 9110 §15.5.6: the answer lists what is allowed. */
function wrongMethod(path: string): ApiError {
  const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return new ApiError('method_not_allowed', { detail: `wanted one of ${allow}`, headers: { allow } });
}
