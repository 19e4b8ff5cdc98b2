// Decides how a test logs in: a person's browser that follows redirections and keeps cookies, and the client that opens it.
import type {
  OAuthClientProvider,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';

const REDIRECTIONS_MAX = 12;
/** Nobody listens there: the browser stops where the client would take over. */
const REDIRECT_URL = 'http://127.0.0.1:1/callback';

/** @returns the parameters with which the browser came back to the client. */
async function browse(start: URL, loginHint: string): Promise<URLSearchParams> {
  const cookies = new Map<string, string>();
  start.searchParams.set('login_hint', loginHint);
  let at = start;
  for (let count = 0; count < REDIRECTIONS_MAX; count += 1) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(at, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (set.split(';', 1)[0] ?? '').split(/=(.*)/s);
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${at}: ${response.status} ${await response.text()}`);
    at = new URL(location, at);
    if (at.href.startsWith(REDIRECT_URL)) return at.searchParams;
  }
  throw new Error('redirected too often');
}

export interface Login extends OAuthClientProvider {
  /** Every address at which its person was sent to log in. */
  readonly sentTo: URL[];
  /** With what the browser came back. @throws Error when it was not sent anywhere. */
  cameBack(): Promise<URLSearchParams>;
  /** The access token that it has now. */
  accessToken(): string;
}

/** An OAuth client without a memory beyond the test. */
export function loginOf(person: string): Login {
  let client: StoredOAuthClientInformation | undefined;
  let tokens: StoredOAuthTokens | undefined;
  let verifier = '';
  const sentTo: URL[] = [];
  return {
    sentTo,
    redirectUrl: REDIRECT_URL,
    clientMetadata: {
      client_name: 'chancery-test',
      redirect_uris: [REDIRECT_URL],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    clientInformation: () => client,
    saveClientInformation: (information) => {
      client = information;
    },
    tokens: () => tokens,
    saveTokens: (saved) => {
      tokens = saved;
    },
    redirectToAuthorization: (url) => void sentTo.push(url),
    saveCodeVerifier: (text) => {
      verifier = text;
    },
    codeVerifier: () => verifier,
    cameBack() {
      const last = sentTo.at(-1);
      if (last === undefined) throw new Error('it was not sent to log in');
      return browse(new URL(last), person);
    },
    accessToken: () => tokens?.access_token ?? '',
  };
}
