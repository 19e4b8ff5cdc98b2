// Decides the steps from "parts are starting" to "ready": the API, the example, the servers, Envoy.
import { join } from 'node:path';
import { DEFAULT_SURFACE } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { ownInstance } from '../api-address.ts';
import type { CliContext, Command } from '../context.ts';
import { EXAMPLE_SUBJECT } from './greeting.ts';
import type { Places } from './places.ts';
import { type Api, envoyProbe, gatewayProbe, type UnreadServer, until } from './ready.ts';

export interface StartInput {
  readonly context: CliContext;
  readonly places: Places;
  readonly api: Api;
  /** E.g. `quickstart`; undefined for none. */
  readonly example: string | undefined;
  readonly apply: Command;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** One outage can take many servers: `chancery get servers` shows them all. */
const SERVERS_NAMED_MAX = 5;

/** Null when the instance is ready, else the sentence that says what is missing. @throws AbortError when `signal` is aborted. */
export async function waitForReady(input: StartInput): Promise<string | null> {
  const { context, places, api, say, signal } = input;
  const waiting = { deadlineMs: LIMITS.readyDeadlineMs, signal, nowMs: context.nowMs };
  const missing = await until(
    async () => ((await api.status()) === null ? 'the REST API does not answer' : null),
    waiting,
  );
  if (missing !== null) return missing;

  const refused = await applyExample(input);
  if (refused !== null) return refused;

  const envoy = until(envoyProbe(places.runDir), waiting);
  const unread = await waitForServers(input);
  const gateway = gatewayProbe(context.settings, await api.hasSurface(DEFAULT_SURFACE));
  const silent = (await envoy) ?? (await until(gateway, waiting));
  if (silent !== null) return silent;
  for (const { name, error } of unread.slice(0, SERVERS_NAMED_MAX))
    say(`${name} is not read yet: ${error ?? 'it has not answered'}`);
  const more = unread.length - SERVERS_NAMED_MAX;
  if (more > 0) say(`and ${more} more ${more === 1 ? 'is' : 'are'} not read yet`);
  if (unread.length > 0) say('they are tried again; `npx chancery get servers` tells');
  return null;
}

/** Only into an empty registry: what an operator removed or changed stays so. */
async function applyExample({ context, api, example, apply, say }: StartInput): Promise<string | null> {
  if (example === undefined) return null;
  const counts = await Promise.all((['servers', 'surfaces', 'policies'] as const).map((name) => api.count(name)));
  if (counts.includes(null)) return 'the REST API does not say what the registry holds';
  if (counts.some((count) => count !== 0)) return null;
  const file = join('examples', `${example}.yaml`);
  say(`applying ${file}`);
  let words = '';
  const keep = (text: string): void => {
    words += text;
  };
  const status = await apply(['-f', join(context.rootDir, file)], { ...ownInstance(context), out: keep, err: keep });
  return status === 0 ? null : `${file} was not applied:\n${words.trimEnd()}`;
}

/** Resolves to the servers that are still not read when we stop waiting for them. */
async function waitForServers({ context, api, say, signal }: StartInput): Promise<readonly UnreadServer[]> {
  let unread: readonly UnreadServer[] = [];
  let said = false;
  const startedMs = context.nowMs();
  const probe = async (): Promise<string | null> => {
    const status = await api.status();
    if (status?.ready === true) {
      unread = [];
      return null;
    }
    unread = status?.unread ?? unread;
    const waitedMs = context.nowMs() - startedMs;
    if (unread.length > 0 && waitedMs > LIMITS.serversFailedDeadlineMs) {
      // One that hangs may still come up; those that all failed in this start would only hold it up.
      if (unread.every(({ errorAtMs }) => errorAtMs >= startedMs)) return null;
      if (!said) say(`waiting for ${namesOf(unread)}`);
      said = true;
    }
    return 'servers are not read';
  };
  await until(probe, { deadlineMs: LIMITS.serversReadDeadlineMs, signal, nowMs: context.nowMs });
  return unread;
}

function namesOf(unread: readonly UnreadServer[]): string {
  const more = unread.length - SERVERS_NAMED_MAX;
  const named = unread.slice(0, SERVERS_NAMED_MAX).map(({ name }) => name);
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** A bearer token of the example's subject; null, after a line that says why, when none can be made. */
export async function exampleToken(
  context: CliContext,
  token: Command,
  say: (line: string) => void,
): Promise<{ readonly token: string } | null> {
  let out = '';
  let words = '';
  const captured: CliContext = {
    ...context,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      words += text;
    },
  };
  const status = await token(['--sub', EXAMPLE_SUBJECT], captured);
  if (status === 0 && out.trim() !== '') return { token: out.trim() };
  say(`no token could be made: ${words.trim()}`);
  return null;
}
