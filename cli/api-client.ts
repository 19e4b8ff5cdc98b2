// Decides how a command asks the REST API, and the one sentence that a person reads when it cannot.
import { z } from 'zod';
import { operatorTokenPath, readOperatorToken } from '../controlplane/keys/operator-token.ts';
import { KeyError } from '../controlplane/keys/private-file.ts';
import { LIMITS } from '../core/limits.ts';
import { SETTINGS, type Settings } from '../core/runtime/settings.ts';
import { reachable } from './up/ask.ts';

const problemSchema = z.object({
  title: z.string(),
  detail: z.string().optional(),
  problems: z
    .array(z.object({ document: z.number(), path: z.array(z.union([z.string(), z.number()])), message: z.string() }))
    .optional(),
});

export type DocumentProblem = NonNullable<z.output<typeof problemSchema>['problems']>[number];

export type ApiAnswer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly sentence: string; readonly problems: readonly DocumentProblem[] };

export interface ApiClient {
  get(path: string): Promise<ApiAnswer>;
  post(path: string, body: unknown): Promise<ApiAnswer>;
}

/** Total: whatever goes wrong is a sentence that says what to do. */
export function createApiClient(settings: Pick<Settings, 'home' | 'apiHost' | 'apiPort'>): ApiClient {
  return {
    get: (path) => ask(settings, path, { method: 'GET' }),
    post: (path, body) => ask(settings, path, { method: 'POST', body: JSON.stringify(body) }),
  };
}

const { home, apiHost, apiPort } = SETTINGS;
const NAME_HOME = `name its home folder with --${home.flag} or ${home.env}`;
const NAME_ADDRESS = `say where it is with --${apiHost.flag} and --${apiPort.flag} (${apiHost.env}, ${apiPort.env})`;

async function ask(
  settings: Pick<Settings, 'home' | 'apiHost' | 'apiPort'>,
  path: string,
  init: RequestInit,
): Promise<ApiAnswer> {
  let token: string | null;
  try {
    token = readOperatorToken(settings.home);
  } catch (error) {
    if (error instanceof KeyError) return refused(error.message);
    throw error;
  }
  if (token === null) {
    return refused(
      `there is no operator token in ${settings.home}: start Chancery with "chancery up", or ${NAME_HOME}`,
    );
  }
  const host = reachable(settings.apiHost);
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${settings.apiPort}`;
  let response: Response;
  let text: string;
  try {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(LIMITS.apiAnswerDeadlineMs);
    response = await fetch(`${base}${path}`, { ...init, headers, signal, redirect: 'error' });
    text = await response.text();
  } catch {
    return refused(`the REST API does not answer at ${base}: start Chancery with "chancery up", or ${NAME_ADDRESS}`);
  }
  const body = readJson(text);
  if (response.ok && body !== undefined) return { ok: true, body };
  if (response.status === 401) {
    return refused(
      `the REST API at ${base} does not take the token in ${operatorTokenPath(settings.home)}: it is of another instance; ${NAME_HOME}`,
    );
  }
  const problem = problemSchema.safeParse(body);
  if (!problem.success)
    return refused(`what answers at ${base} (HTTP ${response.status}) is not Chancery's REST API: ${NAME_ADDRESS}`);
  const { title, detail, problems = [] } = problem.data;
  return refused(detail === undefined ? title : `${title}: ${detail}`, problems);
}

function refused(sentence: string, problems: readonly DocumentProblem[] = []): ApiAnswer {
  return { ok: false, sentence, problems };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
