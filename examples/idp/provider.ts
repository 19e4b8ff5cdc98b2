// Decides what the example identity provider vouches for: people by the name that they type, for the surfaces of one gateway.
//
// For trying things out on one machine, and for tests: whoever types a name is that person. It does what an MCP client asks
// of an authorization server: metadata, dynamic registration, PKCE, resource indicators, JWT access tokens (RFC 9068).
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Context } from 'oidc-provider';
import { loginPage } from './login-page.ts';

export interface Person {
  readonly tasks: readonly string[];
  readonly groups: readonly string[];
}

export interface IdpOptions {
  /** 0 for any. It listens on 127.0.0.1. */
  readonly port: number;
  /** Origin of the gateway, e.g. `http://127.0.0.1:10000`: it gives tokens for what lies below. */
  readonly gateway: string;
  readonly scopes: readonly string[];
  /** By name; who is not named has no tasks and no groups. */
  readonly people: Readonly<Record<string, Person>>;
  /** Of access tokens. */
  readonly ttlSeconds?: number;
}

export interface Idp {
  readonly issuer: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 4096;

export async function startIdp(options: IdpOptions): Promise<Idp> {
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configurationOf(options));
  const protocol = provider.callback();
  answer = (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return protocol(request, response);
    interact(provider, request, response).catch((error: unknown) => {
      response.statusCode = 400;
      response.end(error instanceof Error ? error.message : 'failed');
    });
  };
  return { issuer, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Who comes with a `login_hint` is that person at once; else the name is asked for. Consent is given by logging in. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, uid } = await provider.interactionDetails(request, response);
  // Programs on somebody's machine are asked for consent each time, and have it: see `grantOf`.
  if (prompt.name === 'consent')
    return provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true });
  if (prompt.name !== 'login') throw new Error(`the example has no page for "${prompt.name}"`);
  const name = request.method === 'POST' ? (await form(request)).get('name') : params.login_hint;
  if (name === null || name === undefined || name === '') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(loginPage(uid, params));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: name } });
}

async function form(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) throw new Error('the form is too large');
  }
  return new URLSearchParams(text);
}

function configurationOf({ gateway, scopes, people, ttlSeconds = 600 }: IdpOptions): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = {
    ...privateKey.export({ format: 'jwk' }),
    alg: 'ES256',
    use: 'sig',
    kid: randomBytes(8).toString('hex'),
  };
  const person = (name: string): Person => (Object.hasOwn(people, name) ? people[name]! : { tasks: [], groups: [] });
  return {
    jwks: { keys: [key] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', ...scopes],
    pkce: { required: () => true },
    clientDefaults: { id_token_signed_response_alg: 'ES256', token_endpoint_auth_method: 'none' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    extraTokenClaims: (_: unknown, { accountId = '' }: { accountId?: string }) => ({
      authorized_tasks: person(accountId).tasks,
      groups: person(accountId).groups,
    }),
    loadExistingGrant: grantOf,
    extraClientMetadata: {
      properties: ['example'],
      // A client registers with the scope that it needs first, and would be held to it when it needs a larger one.
      validator(_: unknown, __: string, ___: unknown, client: { scope?: string }) {
        client.scope = ['openid', 'offline_access', ...scopes].join(' ');
      },
    },
    ttl: { AccessToken: ttlSeconds, Session: 3600, Grant: 3600, Interaction: 600, RefreshToken: 3600, IdToken: 600 },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo(_: unknown, resource: string) {
          if (!resource.startsWith(`${gateway}/mcp`)) throw new Error('this is not a surface of the gateway');
          return {
            scope: scopes.join(' '),
            // RFC 8707 §2: the token is for that one surface, under its canonical URL.
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: ttlSeconds,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
  };
}

/** What was asked for is granted: a person who logged in here is asked nothing more. */
async function grantOf({ oidc }: Context): Promise<object> {
  const { provider, client, session, params } = oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  const { scope = '', resource = [] } = params;
  grant.addOIDCScope(scope);
  for (const one of typeof resource === 'string' ? [resource] : resource) grant.addResourceScope(one, scope);
  await grant.save();
  return grant;
}
