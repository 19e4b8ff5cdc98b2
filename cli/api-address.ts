// Decides where the REST API is, and which token a command shows there.
import { operatorTokenPath, readOperatorToken } from '../controlplane/keys/operator-token.ts';
import { KeyError } from '../controlplane/keys/private-file.ts';
import { LIMITS } from '../core/limits.ts';
import { isLoopback, SETTINGS } from '../core/runtime/settings.ts';
import type { CliContext } from './context.ts';
import { reachable } from './up/ask.ts';

/** From the environment alone: other people of a host can read the flags of a process. */
export const API_ENVIRONMENT = {
  CHANCERY_API_URL: "the REST API's address: https, or http on loopback; needs CHANCERY_TOKEN unless it is loopback",
  CHANCERY_TOKEN: "an API key or an OpenID Connect token; absent: the operator's token in the home folder",
} as const;

export interface ApiAddress {
  /** Without a trailing slash. */
  readonly base: string;
  readonly token: string;
  /** Where the token came from, for a person. */
  readonly tokenFrom: string;
  /** How to say that another address is meant. */
  readonly otherAddress: string;
  /** How to say that another token is meant. */
  readonly otherToken: string;
}

const { home, apiHost, apiPort } = SETTINGS;
const NAME_HOME = `name its home folder with --${home.flag} or ${home.env}`;
const NAME_ADDRESS = `say where it is with --${apiHost.flag} and --${apiPort.flag} (${apiHost.env}, ${apiPort.env})`;
const HERE = { otherAddress: `start Chancery with "chancery up", or ${NAME_ADDRESS}` };

/** Total. */
export function apiAddress({
  settings,
  env,
}: Pick<CliContext, 'settings' | 'env'>): ApiAddress | { readonly problem: string } {
  const place = placeOf(settings, env.CHANCERY_API_URL ?? '');
  if ('problem' in place) return place;
  const given = env.CHANCERY_TOKEN ?? '';
  if (given !== '') {
    // Its text is not repeated: it may be good.
    if (!/^[!-~]+$/.test(given) || given.length > LIMITS.bearerBytesMax)
      return { problem: 'CHANCERY_TOKEN is not a bearer token: one line of visible ASCII is wanted, without blanks' };
    return { ...place, token: given, tokenFrom: 'CHANCERY_TOKEN', otherToken: 'give another in CHANCERY_TOKEN' };
  }
  // The operator's token may do everything here, and is nobody else's business.
  if (!place.local)
    return { problem: `CHANCERY_API_URL is ${place.base}: that needs an API key or a token in CHANCERY_TOKEN` };
  try {
    const token = readOperatorToken(settings.home);
    if (token === null) {
      return {
        problem: `there is no operator token in ${settings.home}: start Chancery with "chancery up", or ${NAME_HOME}`,
      };
    }
    const tokenFrom = operatorTokenPath(settings.home);
    return { ...place, token, tokenFrom, otherToken: `it is of another instance; ${NAME_HOME}` };
  } catch (error) {
    if (error instanceof KeyError) return { problem: error.message };
    throw error;
  }
}

/** The same without what leads elsewhere: what `up` starts is asked with its own token at its own address. */
export function ownInstance(context: CliContext): CliContext {
  const elsewhere = Object.keys(API_ENVIRONMENT);
  const env = Object.fromEntries(Object.entries(context.env).filter(([name]) => !elsewhere.includes(name)));
  return { ...context, env };
}

type Place = Pick<ApiAddress, 'base' | 'otherAddress'> & { readonly local: boolean };

function placeOf(settings: CliContext['settings'], url: string): Place | { readonly problem: string } {
  if (url === '') {
    const host = reachable(settings.apiHost);
    return { base: `http://${host.includes(':') ? `[${host}]` : host}:${settings.apiPort}`, local: true, ...HERE };
  }
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // What may stand in a URL beside the address, a password above all, is neither used nor repeated.
  if (parsed === null || !/^https?:\/\/[^/?#@\s]+\/*$/i.test(url))
    return { problem: 'CHANCERY_API_URL is not an address such as https://chancery.example.com, without user or path' };
  const local = isLoopback(parsed.hostname.replace(/^\[|\]$/g, ''));
  if (parsed.protocol === 'http:' && !local)
    return { problem: `CHANCERY_API_URL is ${parsed.origin}: https is wanted, as http is for loopback only` };
  return { base: parsed.origin, local, otherAddress: 'give another address in CHANCERY_API_URL' };
}
